"""The options that describe a chip instance but its seed, alike for every command that makes one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from edgebnn.chip.device.conditions import Conditions
    from edgebnn.chip.instance.chip_instance import ChipInstance
    from edgebnn.chip.instance.error_model import Rules
    from edgebnn.chip.target.target import Target

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class ChipOptions:
    """The values of `chip_options` as they were given; None where one was not."""

    errors: str | None = None
    kinds: str | None = None
    policy: str | None = None
    ber: float | None = None
    read_error_rate: float | None = None
    cycles: int | None = None
    attempts: int | None = None
    guard_band: float | None = None
    vdd: float | None = None
    temperature: float | None = None
    retention_days: float | None = None

    @property
    def given(self) -> list[str]:
        """The options that were given, as they are written."""
        return [f"--{name.replace('_', '-')}" for name in _NAMES if getattr(self, name) is not None]


_OPTIONS = (
    click.option(
        "--errors",
        type=click.Choice(["ber", "neighbour", "table", "device"]),
        help="Error model: independent synapses, neighbouring values anew in every inference, rates by place, or "
        "devices. [default: ber, or what a measurement holds]",
    ),
    click.option(
        "--kinds",
        type=click.Choice(["both", "programming", "read"]),
        help="Errors of programming, which stay, those of each read, or both. [default: both]",
    ),
    click.option("--policy", metavar="NAME", help="Programming policy of the chip. [default: the deployment's]"),
    click.option("--ber", type=float, metavar="P", help="Bit error rate, in place of what policy and conditions give."),
    click.option("--read-error-rate", type=float, metavar="P", help="Share of XNORs that are wrong anew in each read."),
    click.option("--cycles", type=click.IntRange(0), metavar="N", help="Programming cycles behind the chip."),
    click.option(
        "--attempts", type=click.IntRange(1), metavar="N", help="Program what reads wrong anew, N times at most."
    ),
    click.option(
        "--guard-band",
        type=float,
        metavar="G",
        help="With --attempts: program anew what reads right by less than G in ln R, too.",
    ),
    click.option("--vdd", type=float, metavar="V", help="Supply in volts. [default: nominal]"),
    click.option("--temperature", type=float, metavar="C", help="Degrees Celsius. [default: the target's reference]"),
    click.option("--retention-days", type=float, metavar="D", help="Days since the banks were programmed."),
)
_NAMES = tuple(ChipOptions.__dataclass_fields__)


def chip_options(command: Command) -> Command:
    """Gives a command the options; they reach it as one argument `chip_words`, a ChipOptions."""

    @functools.wraps(command)
    def gathered(*args: Any, **kwargs: Any) -> Any:
        words = ChipOptions(**{name: kwargs.pop(name) for name in _NAMES})
        return command(*args, chip_words=words, **kwargs)

    wrapped: Any = gathered
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


def chip_settings(words: ChipOptions, target: Target, policies: Sequence[str] = ()) -> ChipInstance:
    """The chip of seed 0 with these options, from which `dataclasses.replace` makes those of other seeds.

    `policies` are what holds where the options name none: a deployment's, by default the target's first. Raises
    TargetError for what the target's model does not cover, and a usage error for options that contradict each other.
    """
    from edgebnn.chip.instance.chip_checks import check_chip
    from edgebnn.chip.instance.chip_instance import ChipInstance
    from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel

    errors, kinds = ErrorModel(words.errors or "ber"), ErrorKinds(words.kinds or "both")
    _check_usage(words, errors.rules, kinds)
    chip = ChipInstance(
        seed=0,
        bit_error_rate=words.ber,
        errors=errors,
        kinds=kinds,
        read_error_rate=words.read_error_rate or 0.0,
        policy=words.policy,
        conditions=_conditions(words),
        attempts=words.attempts or 1,
        guard_band=words.guard_band or 0.0,
    )
    check_chip(chip, target, policies)
    return chip


def _check_usage(words: ChipOptions, rules: Rules, kinds: str) -> None:
    """Options that would do nothing."""
    if not rules.takes_rate and words.ber is not None:
        raise click.UsageError(
            "--ber goes with --errors ber, neighbour or table; the rates of device follow from policy and conditions"
        )
    if not rules.has_devices and words.attempts is not None:
        raise click.UsageError("--attempts goes with --errors device, which alone knows what another attempt does")
    if words.guard_band is not None and (words.attempts or 1) == 1:
        raise click.UsageError("--guard-band goes with --attempts of 2 or more, which it decides about")
    if rules.anew and (kinds == "programming" or words.read_error_rate is not None):
        raise click.UsageError(
            "--errors neighbour is anew in every inference: leave out --kinds programming and --read-error-rate"
        )
    if kinds == "read" and words.ber is not None and not rules.anew:
        raise click.UsageError(
            "--ber is the rate of errors of programming, of which --kinds read has none; use --read-error-rate"
        )
    if kinds == "programming" and words.read_error_rate is not None:
        raise click.UsageError("--read-error-rate does nothing with --kinds programming; leave out one of them")


def _conditions(words: ChipOptions) -> Conditions:
    from edgebnn.chip.device.conditions import Conditions

    return Conditions.of(words.cycles or 0, words.vdd, words.temperature, words.retention_days or 0.0)
