"""`edgebnn train`: recipes that end in an ONNX file."""

from __future__ import annotations

from pathlib import Path

import click

from edgebnn.cli.output import JsonCommand, emit
from edgebnn.cli.places import OutputFile

RECIPES = ("ecg",)


@click.command(cls=JsonCommand)
@click.argument("recipe")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of .npz or WFDB records. [default: $EDGEBNN_DATA/ecg, else ../shared/data/ecg]",
)
@click.option(
    "-o",
    "--output",
    type=OutputFile(),
    default="ecg_pvc.onnx",
    show_default=True,
    help="The model to write.",
)
@click.option(
    "--lead",
    metavar="NAME|N",
    help="The signal of each WFDB record, by name or number from 0. [default: the first ECG lead]",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of weights and augmentation.")
@click.option("--epochs", type=click.IntRange(1, 10_000), help="Length of the training. [default: the recipe's]")
@click.option("--leave-out", multiple=True, metavar="NAME", help="Keep this record for the test (repeatable).")
@click.option("--folds", is_flag=True, help="Test each record on a network that never saw it, too (minutes).")
@click.option("--float-twin", is_flag=True, help="Test the same network with real weights in place of it.")
def train(
    recipe: str,
    data: Path | None,
    output: Path,
    lead: str | None,
    seed: int,
    epochs: int | None,
    leave_out: tuple[str, ...],
    folds: bool,
    float_twin: bool,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Train a model by RECIPE (ecg) and export it to ONNX.

    The split is between patients: a record is in the training or in the test, never in both. The written model has
    learnt from all records but those left out.
    """
    from edgebnn.errors import DataError, ToolError

    if recipe not in RECIPES:
        raise DataError(f"there is no recipe '{recipe}'; choose one of: {', '.join(RECIPES)}")
    if output.suffix.lower() != ".onnx":
        raise click.UsageError(f"'{output}' has the wrong ending: the recipe writes an ONNX model; end it in .onnx")
    if float_twin and not folds and not leave_out:
        raise click.UsageError("--float-twin goes with --folds or --leave-out")
    try:
        import torch
    except ImportError as error:
        raise ToolError("training needs PyTorch: pip install 'edgebnn[train]'") from error
    from edgebnn.cli.output import progress
    from edgebnn.recipes.ecg import EPOCHS, Patients, data_folder, epochs_of_training, train_ecg
    from edgebnn.report.tables import show_train

    torch.set_num_threads(1)  # so small a network only loses by sharing the work, and sums stay in one order
    patients = Patients.read(data_folder(data), lead)
    epochs = EPOCHS if epochs is None else epochs
    trainings = (len(patients.names) - len(leave_out)) * folds + 1
    total = trainings * epochs_of_training(epochs, binary=not float_twin)
    with progress(f"train {recipe}", total=total) as step:
        step(f"{len(patients.names)} records")
        document = train_ecg(
            patients,
            output,
            seed=seed,
            epochs=epochs,
            leave_out=leave_out,
            folds=folds,
            binary=not float_twin,
            progress=step,
        )
    emit(document, json_flag, json_file, lambda console: show_train(console, document))
