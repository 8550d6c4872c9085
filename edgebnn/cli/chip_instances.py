"""`edgebnn chip new`, `import` and `compare`: chip instances as files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from edgebnn.cli.chip_options import ChipOptions, chip_options, chip_settings
from edgebnn.cli.options import target_option
from edgebnn.cli.output import JsonCommand, emit
from edgebnn.cli.places import OutputFile

_seed = click.IntRange(0, 2**63 - 1)
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("new", cls=JsonCommand)
@click.option("--seed", type=_seed, required=True, help="What the chip is drawn by.")
@target_option()
@chip_options
@click.option("-o", "--output", type=OutputFile(), required=True, help="The file to write (.json).")
def new_chip(
    seed: int, target: str, chip_words: ChipOptions, output: Path, json_flag: bool, json_file: Path | None
) -> None:
    """Draw a chip instance and write it to a file, for --chip."""
    from edgebnn.chip.instance.chip_checks import default_policy
    from edgebnn.chip.instance.chip_file import check_ending
    from edgebnn.chip.study.chip_comparison import wrong_signs
    from edgebnn.chip.target_files.loading import load_target
    from edgebnn.report.chip_documents import new_document
    from edgebnn.report.chip_tables import show_new_chip

    check_ending(output, measured=False)
    described = load_target(target)
    policy = default_policy(described)
    chip = replace(chip_settings(chip_words, described), seed=seed)
    wrong = wrong_signs(chip, described, policy)
    chip.save(output, described)
    document = new_document(chip, described, policy, wrong, output)
    emit(document, json_flag, json_file, lambda console: show_new_chip(console, document))


@click.command("import", cls=JsonCommand)
@click.argument("file", type=_file)
@click.option(
    "--seed", type=_seed, default=0, show_default=True, help="What the cells that were not measured are drawn by."
)
@target_option()
@chip_options
@click.option("-o", "--output", type=OutputFile(), required=True, help="The file to write (.npz).")
def import_chip(
    file: Path, seed: int, target: str, chip_words: ChipOptions, output: Path, json_flag: bool, json_file: Path | None
) -> None:
    """Make a chip instance of a measurement: a CSV or Parquet FILE with bank,row,column and r_bl_ohm,r_blb_ohm
    (also reading, stuck_bl, stuck_blb), or error_rate, or error_rate_plus,error_rate_minus."""
    from edgebnn.chip.instance.chip_checks import check_chip, default_policy
    from edgebnn.chip.instance.chip_file import check_ending
    from edgebnn.chip.instance.chip_instance import measured_model
    from edgebnn.chip.measured.files import read_measured
    from edgebnn.chip.study.chip_comparison import wrong_signs
    from edgebnn.chip.target_files.loading import load_target
    from edgebnn.report.chip_documents import import_document
    from edgebnn.report.chip_tables import show_import

    check_ending(output, measured=True)
    described = load_target(target)
    policy = default_policy(described)
    found = read_measured(file)
    measured = found.measured
    model = str(measured_model(measured))
    if chip_words.errors not in (None, model):
        raise click.UsageError(f"'{file}' goes with --errors {model}, not {chip_words.errors}; leave --errors out")
    settings = chip_settings(replace(chip_words, errors=model), described)
    chip = replace(settings, seed=seed, measured=measured)
    check_chip(chip, described)
    wrong = wrong_signs(chip, described, policy)
    chip.save(output, described)
    document = import_document(chip, described, policy, wrong, output, found)
    emit(document, json_flag, json_file, lambda console: show_import(console, document))


@click.command("compare", cls=JsonCommand)
@click.argument("first", metavar="A", type=_file)
@click.argument("second", metavar="B", type=_file)
@target_option()
@click.option("--policy", metavar="NAME", help="Of a chip without its own. [default: the target's first]")
def compare(
    first: Path, second: Path, target: str, policy: str | None, json_flag: bool, json_file: Path | None
) -> None:
    """Compare the chip instances of two files: what they were made of, and where their synapses are wrong."""
    from edgebnn.chip.instance.chip_checks import check_chip, default_policy
    from edgebnn.chip.instance.chip_instance import ChipInstance
    from edgebnn.chip.study.chip_comparison import compare_chips
    from edgebnn.chip.target_files.loading import load_target
    from edgebnn.report.chip_documents import compare_document
    from edgebnn.report.chip_tables import show_comparison

    described = load_target(target)
    name = policy or default_policy(described)
    chips = ChipInstance.load(first, described), ChipInstance.load(second, described)
    for chip in chips:
        check_chip(chip, described, (name,))
    document = compare_document(chips, (first, second), described, name, compare_chips(chips, described, name))
    emit(document, json_flag, json_file, lambda console: show_comparison(console, document))
