"""`edgebnn chip`: devices and chip instances; each command has a file of its own."""

from __future__ import annotations

import click

from edgebnn.cli.chip_characterise import characterise
from edgebnn.cli.chip_export import export_chip
from edgebnn.cli.chip_instances import compare, import_chip, new_chip
from edgebnn.cli.chip_reprogram import reprogram


@click.group()
def chip() -> None:
    """Characterise devices; make, import, export, compare and reprogram chips."""


# Commands are added here, so that their files need not know the group: no import then runs in a circle.
chip.add_command(characterise)
chip.add_command(new_chip)
chip.add_command(import_chip)
chip.add_command(export_chip)
chip.add_command(compare)
chip.add_command(reprogram)
