"""`edgebnn estimate`: energy, latency and memory without data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgebnn.chip.lifetime.lifetime import Usage
from edgebnn.cli.options import battery_option, given, reading_options, target_option
from edgebnn.cli.output import JsonCommand, emit
from edgebnn.cli.places import DeploymentFolder

if TYPE_CHECKING:
    from edgebnn.chip.target.target import Target


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
@click.option("--vdd", type=float, help="Supply in V; by default the target's nominal one. The clock stays.")
@click.option(
    "--days",
    type=click.FloatRange(0, min_open=True),
    default=Usage.days,
    show_default=True,
    help="How long the deployment lives.",
)
@click.option(
    "--inferences-per-day",
    type=click.FloatRange(0),
    default=Usage.inferences_per_day,
    show_default=True,
    help="How much it works; 86400 is one a second.",
)
@click.option(
    "--reprogrammings-per-day",
    type=click.FloatRange(0),
    default=Usage.reprogrammings_per_day,
    show_default=True,
    help="How often all its banks are programmed again.",
)
@click.option(
    "--boots-per-day",
    type=click.FloatRange(0),
    default=Usage.boots_per_day,
    show_default=True,
    help="How often it loses its supply and boots again; with --provisioning boot each one programs all its banks.",
)
@click.option(
    "--sample-rate",
    type=click.FloatRange(0, min_open=True),
    help="Of each channel, in Hz: counts the front end and its samples, which are left out without.",
)
@click.option(
    "--channels",
    type=click.IntRange(1),
    default=Usage.channels,
    show_default=True,
    help="Of the front end, with --sample-rate.",
)
@battery_option
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
    vdd: float | None,
    days: float,
    inferences_per_day: float,
    reprogrammings_per_day: float,
    boots_per_day: float,
    sample_rate: float | None,
    channels: int,
    battery: str | None,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Estimate a deployment folder, or an ONNX model on a target (rram130 if none is named)."""
    from edgebnn import api
    from edgebnn.cli.options import naming, read_options
    from edgebnn.report.documents import estimate_document
    from edgebnn.report.tables import show_estimate

    if given("channels") and sample_rate is None:
        raise click.UsageError("--channels goes with --sample-rate")
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
    _check_used(deployment.mapped.target)
    result = deployment.estimate(
        days=days,
        inferences_per_day=inferences_per_day,
        reprogrammings_per_day=reprogrammings_per_day,
        boots_per_day=boots_per_day,
        channels=channels,
        sample_rate_hz=sample_rate,
        supply_v=vdd,
        battery=battery,
    )
    document = estimate_document(deployment, result)
    emit(document, json_flag, json_file, lambda console: show_estimate(console, document))


def _check_used(target: Target) -> None:
    """A usage error where options about energy would do nothing."""
    names = (
        "vdd",
        "days",
        "inferences_per_day",
        "reprogrammings_per_day",
        "boots_per_day",
        "sample_rate",
        "channels",
        "battery",
    )
    if target.energy is None and (ignored := [name for name in names if given(name)]):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in ignored)
        raise click.UsageError(f"target '{target.name}' has no energy model; leave out {options}")
