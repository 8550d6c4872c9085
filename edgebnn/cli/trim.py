"""`edgebnn trim`: a deployment for one particular chip, whose thresholds make up for its wrong weights."""

from __future__ import annotations

from pathlib import Path

import click

from edgebnn.cli.chip_options import ChipOptions, chip_options
from edgebnn.cli.options import folder_argument, toolchain_option
from edgebnn.cli.output import JsonCommand, emit
from edgebnn.cli.places import OutputFolder


@click.command(cls=JsonCommand)
@folder_argument
@click.option(
    "--chip",
    metavar="SEED|FILE",
    required=True,
    help="The chip: a seed (with the options below), or a file, of a measured chip too.",
)
@chip_options
@click.option(
    "--calibration",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help=".npy or .npz with samples as the model takes them; some dozens do, and labels are not needed.",
)
@click.option("-o", "--folder", "out", type=OutputFolder(), required=True, help="Folder for the trimmed deployment.")
@toolchain_option
def trim(
    folder: Path,
    chip: str,
    chip_words: ChipOptions,
    calibration: Path,
    out: Path,
    toolchain: str,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Trim the deployment in DIR for one chip: move thresholds so that its wrong weights do the least harm.

    What is written answers for that chip alone; the weights to be programmed stay the same.
    """
    from edgebnn import api
    from edgebnn.cli.options import chip_from, labelled_batch
    from edgebnn.cli.output import progress
    from edgebnn.emulator.trimming import Trim
    from edgebnn.report.trimming import show_trim, trim_document

    deployment = api.load(folder)
    samples, _ = labelled_batch(calibration, deployment)
    instance = chip_from(deployment, chip, chip_words)
    assert instance is not None, "--chip is required"
    found: list[Trim] = []
    with progress("trim", total=4) as step:
        step("comparing sums")
        trimmed = deployment.trim(
            instance, samples, toolchain=toolchain, step=lambda name, _: step(f"done: {name}"), heard=found.append
        )
    trimmed.save(out)
    document = trim_document(trimmed, instance, found[0], out)
    emit(document, json_flag, json_file, lambda console: show_trim(console, document))
