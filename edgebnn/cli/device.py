"""`edgebnn device`: whole devices with a network in them; each has a file of its own."""

from __future__ import annotations

import click

from edgebnn.cli.device_ecg import ecg


@click.group()
def device() -> None:
    """Run a recording through a whole device with the network in it."""


device.add_command(ecg)
