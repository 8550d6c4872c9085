"""`edgebnn targets`: what chips there are and what each of their numbers is worth."""

from __future__ import annotations

from pathlib import Path

import click

from edgebnn.cli.output import JsonCommand, emit
from edgebnn.cli.places import OutputFile


@click.group()
def targets() -> None:
    """List, show, check and copy target files."""


@targets.command("list", cls=JsonCommand)
def list_targets(json_flag: bool, json_file: Path | None) -> None:
    """The targets that ship with edgebnn."""
    from edgebnn.chip.target_files.loading import load_target, target_names
    from edgebnn.report.documents import targets_document
    from edgebnn.report.tables import show_targets

    document = targets_document([load_target(name) for name in target_names()])
    emit(document, json_flag, json_file, lambda console: show_targets(console, document))


@targets.command("show", cls=JsonCommand)
@click.argument("target")
def show_target_command(target: str, json_flag: bool, json_file: Path | None) -> None:
    """Every number of TARGET (a name or a TOML file) with its unit, source and evidence."""
    from edgebnn.chip.target_files.loading import load_target
    from edgebnn.report.documents import target_document
    from edgebnn.report.tables import show_target

    document = target_document(load_target(target))
    emit(document, json_flag, json_file, lambda console: show_target(console, document))


@targets.command("check", cls=JsonCommand)
@click.argument("target")
def check_target(target: str, json_flag: bool, json_file: Path | None) -> None:
    """Check a target file: exit code 0 where it is sound, else one sentence and 1."""
    from edgebnn.chip.target_files.device_check import check_solvable
    from edgebnn.chip.target_files.loading import load_target, target_title
    from edgebnn.report.target_names import named

    loaded = load_target(target)
    check_solvable(loaded, f"target file '{target}'")
    document = {**named(loaded), "sound": True, "numbers": sum(1 for _ in loaded.quantities())}
    emit(
        document,
        json_flag,
        json_file,
        lambda console: console.print(f"{target_title(loaded)}: sound, {document['numbers']} numbers with provenance"),
    )


@targets.command("copy", cls=JsonCommand)
@click.argument("target", metavar="NAME")
@click.argument("file", type=OutputFile())
@click.option(
    "--set",
    "settings",
    metavar="PATH=VALUE",
    multiple=True,
    help="A number by its path, as array.banks=16384 or memory.sram.size=512KiB; repeatable.",
)
@click.option(
    "--evidence",
    type=click.Choice(["measured", "abstract", "authors-code", "secondary", "recalled", "assumed"]),
    help="What the set numbers are worth, with --source. [default: assumed]",
)
@click.option("--source", metavar="TEXT", help="Where the set numbers come from. [default: set by the user]")
def copy(
    target: str,
    file: Path,
    settings: tuple[str, ...],
    evidence: str | None,
    source: str | None,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Copy the target NAME (or a TOML file) to FILE.toml, with some numbers set otherwise, for --target FILE.toml.

    The copy is named for its file. A set number is worth what --evidence says, by default `assumed`; its source
    says who set it and what it was.
    """
    from edgebnn.chip.target.quantity import Evidence
    from edgebnn.chip.target_files.copies import copy_target
    from edgebnn.chip.target_files.settings import Worth, parse_setting
    from edgebnn.report.documents import copy_document
    from edgebnn.report.tables import show_copy

    if (evidence or source) and not settings:
        raise click.UsageError("--evidence and --source go with --set PATH=VALUE")
    if evidence and not source:
        raise click.UsageError("--evidence goes with --source TEXT, which says where the numbers come from")
    worth = Worth(source or Worth.source, Evidence(evidence or Worth.evidence))
    chosen = [parse_setting(text) for text in settings]
    copied = copy_target(target, file, chosen, worth)
    document = copy_document(copied, file, [setting.path for setting in chosen])
    emit(document, json_flag, json_file, lambda console: show_copy(console, document))
