"""The options that describe the life of a deployment: how long, how much it works, how many of it there are."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from edgebnn.chip.lifetime.lifetime import Usage
from edgebnn.cli.options import battery_option, given

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--vdd", type=float, help="Supply in V; by default the target's nominal one. The clock stays."),
    click.option(
        "--days",
        type=click.FloatRange(0, min_open=True),
        default=Usage.days,
        show_default=True,
        help="How long the deployment lives.",
    ),
    click.option(
        "--inferences-per-day",
        type=click.FloatRange(0),
        default=Usage.inferences_per_day,
        show_default=True,
        help="How much it works; 86400 is one a second.",
    ),
    click.option(
        "--reprogrammings-per-day",
        type=click.FloatRange(0),
        default=Usage.reprogrammings_per_day,
        show_default=True,
        help="How often all its banks are programmed again.",
    ),
    click.option(
        "--boots-per-day",
        type=click.FloatRange(0),
        default=Usage.boots_per_day,
        show_default=True,
        help="How often it loses its supply and boots again; with --provisioning boot each one programs all its banks.",
    ),
    click.option(
        "--updates-per-year",
        type=click.FloatRange(0),
        default=0,
        show_default=True,
        help="How often it gets a new version (a year has 365 days): code and weights are sent, and all banks "
        "programmed again.",
    ),
    click.option(
        "--devices", type=click.IntRange(1), default=1, show_default=True, help="How many devices live alike."
    ),
    click.option(
        "--sample-rate",
        type=click.FloatRange(0, min_open=True),
        help="Of each channel, in Hz: counts the front end and its samples, which are left out without.",
    ),
    click.option(
        "--channels",
        type=click.IntRange(1),
        default=Usage.channels,
        show_default=True,
        help="Of the front end, with --sample-rate.",
    ),
    battery_option,
)
# The option's name -> the argument of `Deployment.estimate`.
_ARGUMENTS = {
    "vdd": "supply_v",
    "days": "days",
    "inferences_per_day": "inferences_per_day",
    "reprogrammings_per_day": "reprogrammings_per_day",
    "boots_per_day": "boots_per_day",
    "updates_per_year": "updates_per_year",
    "devices": "devices",
    "sample_rate": "sample_rate_hz",
    "channels": "channels",
    "battery": "battery",
}


def life_options(command: Command) -> Command:
    """Gives a command the options; those that are given reach it as one argument `life`, by what they are called in
    `Deployment.estimate`."""

    @functools.wraps(command)
    def gathered(*args: Any, **kwargs: Any) -> Any:
        values = {name: kwargs.pop(name) for name in _ARGUMENTS}
        if given("channels") and values["sample_rate"] is None:
            raise click.UsageError("--channels goes with --sample-rate")
        life = {argument: values[name] for name, argument in _ARGUMENTS.items() if given(name)}
        return command(*args, life=life, **kwargs)

    wrapped: Any = gathered
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


def called(argument: str) -> str:
    """The option of an argument."""
    name = next(name for name, other in _ARGUMENTS.items() if other == argument)
    return f"--{name.replace('_', '-')}"
