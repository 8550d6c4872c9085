"""`edgebnn targets`: what chips there are and what each of their numbers is worth."""

from __future__ import annotations

from pathlib import Path

import click

from edgebnn.cli.output import JsonCommand, emit


@click.group()
def targets() -> None:
    """List, show and check target files."""


@targets.command("list", cls=JsonCommand)
def list_targets(json_flag: bool, json_file: Path | None) -> None:
    """The targets that ship with edgebnn."""
    from edgebnn.chip.target_files import load_target, target_names
    from edgebnn.report.documents import targets_document
    from edgebnn.report.tables import show_targets

    document = targets_document([load_target(name) for name in target_names()])
    emit(document, json_flag, json_file, lambda console: show_targets(console, document))


@targets.command("show", cls=JsonCommand)
@click.argument("target")
def show_target_command(target: str, json_flag: bool, json_file: Path | None) -> None:
    """Every number of TARGET (a name or a TOML file) with its unit, source and evidence."""
    from edgebnn.chip.target_files import load_target
    from edgebnn.report.documents import target_document
    from edgebnn.report.tables import show_target

    document = target_document(load_target(target))
    emit(document, json_flag, json_file, lambda console: show_target(console, document))


@targets.command("check", cls=JsonCommand)
@click.argument("target")
def check_target(target: str, json_flag: bool, json_file: Path | None) -> None:
    """Check a target file: exit code 0 where it is sound, else one sentence and 1."""
    from edgebnn.chip.solvable import check_solvable
    from edgebnn.chip.target_files import load_target, target_title
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
