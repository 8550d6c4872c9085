"""`edgebnn chip export`: the resistances of a chip's devices as a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from edgebnn.cli.chip_options import ChipOptions, chip_options
from edgebnn.cli.options import given, target_option
from edgebnn.cli.output import JsonCommand, emit
from edgebnn.cli.places import DeploymentFolder, OutputFile

if TYPE_CHECKING:
    from edgebnn.chip.banks.pattern import Pattern
    from edgebnn.chip.instance.chip_instance import ChipInstance
    from edgebnn.chip.target.target import Target


@click.command("export", cls=JsonCommand)
@click.option(
    "--chip", metavar="SEED|FILE", required=True, help="The chip: a seed (with the options below), or a file."
)
@target_option()
@click.option(
    "--deployment",
    metavar="DIR",
    type=DeploymentFolder(),
    help="Program the weights of this deployment, in place of +1 everywhere.",
)
@click.option(
    "--banks", type=click.IntRange(1), metavar="N", help="The first N banks. [default: all of target or deployment]"
)
@chip_options
@click.option("-o", "--output", type=OutputFile(), required=True, help="The file to write (.csv).")
def export_chip(
    chip: str,
    target: str,
    deployment: Path | None,
    banks: int | None,
    chip_words: ChipOptions,
    output: Path,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Write the resistances of a chip's devices as CSV, as `chip import` takes them.

    The chip is one of --errors device, programmed with +1 everywhere or with a deployment's weights. Cells whose weight
    is 0 are left out: the file has no word for them.
    """
    from edgebnn.chip.study.resistance_export import cell_counts, resistance_csv
    from edgebnn.cli.output import progress
    from edgebnn.files import write_whole
    from edgebnn.report.chip_export import export_document, show_export

    if output.suffix.lower() != ".csv":
        raise click.UsageError(f"'{output}' has the wrong ending: resistances are written as CSV; end it in .csv")
    meant = _programmed(target, deployment, banks)
    instance = _device_chip(chip, chip_words, meant)
    written, zeros = cell_counts(meant.pattern)
    if written == 0:
        raise click.UsageError("there is no cell with a weight other than 0 in these banks; choose more --banks")
    rows = int((meant.pattern.kind != 0).sum())
    with progress("export", total=1) as step:
        step("rows")
        lines = resistance_csv(
            instance, meant.target, meant.policies[0], meant.pattern, lambda done: step("rows", done, rows)
        )
        write_whole(output, lines)
    document = export_document(instance, meant.target, meant.policies[0], meant.pattern, (written, zeros), output)
    emit(document, json_flag, json_file, lambda console: show_export(console, document))


class _Programmed(NamedTuple):
    """What is programmed, and on what; `policies` are those of a chip without its own."""

    target: Target
    policies: tuple[str, ...]
    pattern: Pattern


def _programmed(target: str, deployment: Path | None, banks: int | None) -> _Programmed:
    """+1 in so many banks of the target, or a deployment's weights; TargetError where there are not so many."""
    from edgebnn import api
    from edgebnn.chip.instance.chip_checks import array_of, default_policy
    from edgebnn.chip.study.chip_comparison import uniform_pattern
    from edgebnn.chip.target_files.loading import load_target
    from edgebnn.errors import TargetError
    from edgebnn.mapping.programmed import pattern_of

    if deployment is None:
        described = load_target(target)
        array = array_of(described)
        there = array.banks.integer("count")
        who = f"target '{described.name}' has"
    else:
        if given("target"):
            raise click.UsageError("a deployment brings its own target; leave out --target or --deployment")
        mapped = api.load(deployment).mapped
        described, whole = mapped.target, pattern_of(mapped)
        there, who = whole.banks, f"deployment '{deployment}' uses"
    if banks is not None and banks > there:
        raise TargetError(f"{who} {there} banks, not {banks}; give --banks 1 to {there}")
    if deployment is None:
        return _Programmed(described, (default_policy(described),), uniform_pattern(1, banks or there, array.geometry))
    return _Programmed(described, mapped.policies, whole.head(banks or there))


def _device_chip(chip: str, words: ChipOptions, meant: _Programmed) -> ChipInstance:
    """The chip of `--chip`, of the error model `device` whether that was said or not."""
    from edgebnn.cli.options import is_seed, named_chip
    from edgebnn.errors import DataError

    if is_seed(chip):
        if words.errors not in (None, "device"):
            raise click.UsageError(f"a chip of --errors {words.errors} has no resistances; leave --errors out")
        words = replace(words, errors="device")
    instance = named_chip(chip, words, meant.target, meant.policies)
    if not instance.errors.rules.has_devices:
        raise DataError(
            f"chip file '{chip}' is of --errors {instance.errors} and has no resistances; give one of device"
        )
    return instance
