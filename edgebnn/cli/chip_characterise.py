"""`edgebnn chip characterise`: distributions and error rates of a target's devices."""

from __future__ import annotations

from pathlib import Path

import click

from edgebnn.cli.output import JsonCommand


@click.command(cls=JsonCommand)
@click.argument("target")
def characterise(target: str, json_flag: bool, json_file: Path | None) -> None:
    """Characterise."""
