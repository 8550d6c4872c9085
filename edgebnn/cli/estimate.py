"""`edgebnn estimate`: energy, latency and memory without data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgebnn.cli.life_options import called, life_options
from edgebnn.cli.options import reading_options, target_option
from edgebnn.cli.output import JsonCommand, emit
from edgebnn.cli.places import DeploymentFolder


@click.command(cls=JsonCommand)
@click.argument("source", metavar="DIR|MODEL", type=DeploymentFolder())
@target_option(default=None)
@click.option("--policy", help="Programming policy, for a MODEL.")
@click.option(
    "--provisioning",
    type=click.Choice(["boot", "once", "separate"]),
    help="When the RRAM is programmed, for a MODEL (see edgebnn compile). [default: once, where the target can]",
)
@reading_options
@life_options
def estimate(
    source: Path,
    target: str | None,
    policy: str | None,
    provisioning: str | None,
    input_type: tuple[str, ...],
    input_scale: tuple[str, ...],
    input_offset: tuple[str, ...],
    calibration: Path | None,
    model_output: str | None,
    life: dict[str, Any],
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Estimate a deployment folder, or an ONNX model on a target (rram130 if none is named)."""
    from edgebnn import api
    from edgebnn.cli.options import naming, read_options
    from edgebnn.report.documents import estimate_document
    from edgebnn.report.tables import show_estimate

    if source.is_dir():
        stated = (target, policy, provisioning, *input_type, *input_scale, *input_offset, calibration, model_output)
        if any(option is not None for option in stated):
            raise click.UsageError(
                "DIR is compiled already; --target, --policy, --provisioning, --input-type, --input-scale, "
                "--input-offset, --calibration and --output go with a MODEL"
            )
        deployment = api.load(source)
    else:
        options = read_options(input_type, input_scale, input_offset, calibration, model_output)
        with naming(calibration):
            deployment = api.compile(
                source,
                target or "rram130",
                policy=policy,
                provisioning=provisioning,
                input_type=options.input_type,
                input_scale=options.input_scale,
                input_offset=options.input_offset,
                calibration=options.calibration,
                output=options.output,
            )
    target_of_it = deployment.mapped.target
    if target_of_it.energy is None and life:
        ignored = ", ".join(map(called, life))
        raise click.UsageError(f"target '{target_of_it.name}' has no energy model; leave out {ignored}")
    result = deployment.estimate(**life)
    document = estimate_document(deployment, result)
    emit(document, json_flag, json_file, lambda console: show_estimate(console, document))
