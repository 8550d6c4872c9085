"""`edgebnn compare`: deployments side by side, held to a budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgebnn.cli.life_options import life_options
from edgebnn.cli.options import given
from edgebnn.cli.output import JsonCommand, emit, end_with
from edgebnn.cli.places import DeploymentFolder

if TYPE_CHECKING:
    from edgebnn.comparison.budget import Budget


def _budget(context: click.Context, parameter: click.Parameter, text: str | None) -> Budget | None:
    """The callback of `--budget`; a usage error where it is none."""
    if text is None:
        return None
    from edgebnn.comparison.budget import Budget
    from edgebnn.errors import DataError

    try:
        return Budget.of(text)
    except DataError as error:
        raise click.BadParameter(str(error)) from error


@click.command(cls=JsonCommand)
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=DeploymentFolder())
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=".npz with x and y (y may be missing), or .npy with x: all deployments are emulated on it.",
)
@click.option(
    "--emulation",
    "emulations",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="In place of --data what edgebnn emulate --json wrote of each DIR, in their order.",
)
@click.option(
    "--chips",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    help="With --data: accuracy on so many chips with errors too, where a target has RRAM.",
)
@click.option(
    "--firmware-samples",
    type=click.IntRange(0),
    default=64,
    show_default=True,
    help="With --data: how many samples run as firmware, by which energy and latency are counted.",
)
@click.option(
    "--budget",
    callback=_budget,
    metavar="NAME=VALUE,...",
    help="Limits, such as energy=60nJ,flash=16KB,accuracy=0.95: exit code 1 where a deployment breaks one. Names: "
    "accuracy (the least; needs labels), energy, latency (of an inference), flash (code and weights), sram, banks, "
    "synapses, programming (energy of all banks once), battery (the least, such as 2years). 1 KB are 1,024 B. What is "
    "just as large keeps to it.",
)
@life_options
def compare(
    folders: tuple[Path, ...],
    data: Path | None,
    emulations: tuple[Path, ...],
    chips: int,
    firmware_samples: int,
    life: dict[str, Any],
    budget: Budget | None,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Show the deployments in DIR... side by side: what they hold, their energy, latency, memory and accuracy.

    Exit code 1 where one breaks the budget. With one DIR it is held to the budget alone.
    """
    if data is None and (ignored := [name for name in ("chips", "firmware_samples") if given(name)]):
        raise click.UsageError(f"--{ignored[0].replace('_', '-')} goes with --data")
    if data is not None and emulations:
        raise click.UsageError("--data and --emulation both say what emulation found; leave one out")
    if emulations and len(emulations) != len(folders):
        raise click.UsageError(
            f"--emulation is given {len(emulations)} times for {len(folders)} deployments; give one for each, in "
            "their order"
        )
    if budget is not None and data is None and not emulations and "accuracy" in budget.names:
        raise click.UsageError(
            "a budget of accuracy needs labelled data: give --data FILE.npz, or --emulation for each DIR"
        )
    from edgebnn import api
    from edgebnn.cli.options import naming, read_samples
    from edgebnn.cli.output import progress
    from edgebnn.comparison.compare import check_count, distinct
    from edgebnn.comparison.compare import compare as side_by_side
    from edgebnn.comparison.emulated import read_emulated
    from edgebnn.report.comparison import broken, comparison_document
    from edgebnn.report.comparison_tables import show_comparison

    check_count(len(folders))
    names = distinct([str(folder) for folder in folders])
    deployments = {name: api.load(folder) for name, folder in zip(names, folders, strict=True)}
    found = [read_emulated(path, deployments[name].mapped, name) for path, name in zip(emulations, names, strict=False)]
    with naming(data), progress("compare", total=len(folders) * (1 + (data is not None))) as step:
        result = side_by_side(
            deployments,
            None if data is None else read_samples(data),
            budget=budget,
            emulations=found,
            chips=chips,
            firmware_samples=firmware_samples,
            life=life,
            step=step,
        )
    document = comparison_document(result)
    emit(document, json_flag, json_file, lambda console: show_comparison(console, document))
    end_with(broken(result))
