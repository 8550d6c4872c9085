"""`edgebnn chip reprogram`: from one deployment to another on the same chip."""

from __future__ import annotations

from pathlib import Path

import click

from edgebnn.chip.lifetime.planned_updates import MOST_UPDATES
from edgebnn.cli.output import JsonCommand, emit
from edgebnn.cli.places import DeploymentFolder

_folder = DeploymentFolder()


@click.command(cls=JsonCommand)
@click.argument("old", type=_folder)
@click.argument("new", type=_folder)
@click.option("--policy", metavar="NAME", help="Programming policy. [default: that of NEW]")
@click.option(
    "--updates",
    type=click.IntRange(1, MOST_UPDATES),
    help="How often such updates are planned: their wear in the same banks, and going round all banks.",
)
def reprogram(
    old: Path, new: Path, policy: str | None, updates: int | None, json_flag: bool, json_file: Path | None
) -> None:
    """Pulses, energy and time of bringing a chip from the deployment in OLD to that in NEW.

    Only the devices that change need a pulse; what programming all of them takes stands beside it.
    """
    from edgebnn import api
    from edgebnn.report.reprogramming import reprogramming_document, show_reprogramming

    document = reprogramming_document(api.load(old).mapped, api.load(new).mapped, policy, updates)
    emit(document, json_flag, json_file, lambda console: show_reprogramming(console, document))
