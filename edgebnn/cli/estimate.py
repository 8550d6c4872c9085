"""`edgebnn estimate`: energy, latency and memory without data."""

from __future__ import annotations

from pathlib import Path

import click

from edgebnn.cli.options import reading_options, target_option
from edgebnn.cli.output import JsonCommand, emit


@click.command(cls=JsonCommand)
@click.argument("source", metavar="DIR|MODEL", type=click.Path(exists=True, path_type=Path))
@target_option(default=None)
@click.option("--policy", help="Programming policy, for a MODEL.")
@reading_options
def estimate(
    source: Path,
    target: str | None,
    policy: str | None,
    input_type: str | None,
    input_scale: str | None,
    calibration: Path | None,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Estimate a deployment folder, or an ONNX model on a target (rram130 if none is named)."""
    from edgebnn import api
    from edgebnn.cli.options import read_options
    from edgebnn.report.documents import estimate_document
    from edgebnn.report.tables import show_estimate

    if source.is_dir():
        if not all(option is None for option in (target, policy, input_type, input_scale, calibration)):
            raise click.UsageError(
                "DIR is compiled already; --target, --policy, --input-type, --input-scale and --calibration go with a "
                "MODEL"
            )
        deployment = api.load(source)
    else:
        options = read_options(input_type, input_scale, calibration)
        deployment = api.compile(
            source,
            target or "rram130",
            policy=policy,
            input_type=options.input_type,
            input_scale=options.input_scale,
            calibration=options.calibration,
        )
    document = estimate_document(deployment, deployment.estimate())
    emit(document, json_flag, json_file, lambda console: show_estimate(console, document))
