"""`edgebnn run`: a batch of inputs through a deployment, scores to a file."""

from __future__ import annotations

import warnings
from pathlib import Path

import click

from edgebnn.cli.chip_options import ChipOptions, chip_options
from edgebnn.cli.options import folder_argument, trust_option
from edgebnn.cli.output import JsonCommand, emit
from edgebnn.cli.places import OutputFile


@click.command(cls=JsonCommand)
@folder_argument
@click.option(
    "--input",
    "--data",
    "input_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="x.npy, a batch in the model's input layout and type; or .npz with x and, for the accuracy, labels y.",
)
@click.option("--output", type=OutputFile(), help="Where the scores go (.npy); a file that is there is replaced.")
@click.option(
    "--on",
    type=click.Choice(["reference", "fast", "firmware"]),
    default="fast",
    show_default=True,
    help="Who computes: the NumPy interpreter, the C runtime, or the ELF on the emulated CPU.",
)
@click.option(
    "--chip", metavar="SEED|FILE", help="A chip instance with bit errors: a seed (with the options below), or a file."
)
@chip_options
@click.option("--save-chip", type=OutputFile(), help="Write the chip instance to this file, for --chip.")
@click.option("--integers", is_flag=True, help="int32 scores instead of float64 in the model's own units.")
@trust_option
def run(
    folder: Path,
    input_file: Path,
    output: Path | None,
    on: str,
    chip: str | None,
    chip_words: ChipOptions,
    save_chip: Path | None,
    integers: bool,
    trust: bool,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Run a batch through the deployment in DIR and write its scores."""
    from edgebnn import api
    from edgebnn.chip.instance.chip_file import check_ending
    from edgebnn.cli.options import chip_from, labelled_batch
    from edgebnn.cli.output import progress
    from edgebnn.files import write_whole
    from edgebnn.network import how_taken
    from edgebnn.places import OutputKind, find_place
    from edgebnn.report.arrays import npy_bytes
    from edgebnn.report.documents import run_document
    from edgebnn.report.tables import show_run

    if save_chip is not None and chip is None:
        raise click.UsageError("--save-chip goes with --chip SEED")
    if output is not None and output.suffix.lower() != ".npy" and find_place(output).kind is OutputKind.FILE:
        raise click.UsageError(f"'{output}' has the wrong ending: scores are written as a NumPy array; end it in .npy")
    deployment = api.load(folder, trust=trust)
    x, labels = labelled_batch(input_file, deployment)
    instance = chip_from(deployment, chip, chip_words)
    if save_chip is not None and instance is not None:
        check_ending(save_chip, instance.measured is not None)
    with progress(f"{on}: {len(x)} samples") as step:
        step("running")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the notes below say the same
            scores = deployment.run(x, on=on, chip=instance, integers=integers)
    if save_chip is not None and instance is not None:
        instance.save(save_chip, deployment.mapped.target)
    if output is not None:
        write_whole(output, npy_bytes(scores))
    document = run_document(deployment, x, scores, on, instance, labels)
    of_data = how_taken(deployment.mapped.network, x)
    emit(document, json_flag, json_file, lambda console: show_run(console, document, of_data))
