"""`edgebnn estimate`: energy, latency and memory without data."""

from __future__ import annotations

from pathlib import Path

import click

from edgebnn.cli.options import calibration_option, input_type_option, target_option
from edgebnn.cli.output import JsonCommand, emit


@click.command(cls=JsonCommand)
@click.argument("source", metavar="DIR|MODEL", type=click.Path(exists=True, path_type=Path))
@target_option(default=None)
@click.option("--policy", help="Programming policy, for a MODEL.")
@input_type_option
@calibration_option
def estimate(
    source: Path,
    target: str | None,
    policy: str | None,
    input_type: str | None,
    calibration: Path | None,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Estimate a deployment folder, or an ONNX model on a target (rram130 if none is named)."""
    from edgebnn import api
    from edgebnn.cli.options import read_calibration
    from edgebnn.report.documents import estimate_document
    from edgebnn.report.tables import show_estimate

    if source.is_dir():
        if not all(option is None for option in (target, policy, input_type, calibration)):
            raise click.UsageError(
                "DIR is compiled already; --target, --policy, --input-type and --calibration go with a MODEL"
            )
        deployment = api.load(source)
    else:
        deployment = api.compile(
            source,
            target or "rram130",
            policy=policy,
            input_type=input_type,
            calibration=read_calibration(calibration, input_type),
        )
    document = estimate_document(deployment, deployment.estimate())
    emit(document, json_flag, json_file, lambda console: show_estimate(console, document))
