"""Files of devices under weak RESET pulses: the one that ships with edgebnn, and a user's own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from edgebnn.chip.target.quantity import check
from edgebnn.chip.target.weak_reset import WeakResetDevices
from edgebnn.chip.target_files.form import check_form
from edgebnn.errors import TargetError
from edgebnn.inputs import read_input
from edgebnn.resources import resource_folder

MOST_PULSES = 1000  # that an update gives, or that noise remembers: each takes a number of every device
MOST_DRAWS = 10
_MOST_BYTES = 1 << 20


def load_weak_reset(path: Path | None = None) -> WeakResetDevices:
    """The devices of a TOML file, or those that ship with edgebnn; TargetError says what is wrong with it."""
    if path is None:
        path = resource_folder("targets") / "devices" / "hfo2-weak-reset.toml"
    file = f"device file '{path}'"
    content = read_input(path, _MOST_BYTES, TargetError, called=file, remedy="name a TOML file of devices")
    try:
        document = tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise TargetError(f"{file} is no text in UTF-8 ({error.reason}); save it as such") from error
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{file} is no sound TOML: {error}; mend it there") from error
    except (ValueError, RecursionError) as error:
        raise TargetError(f"{file} holds a number of too many digits, or lists within lists; shorten it") from error
    check_form(document, file, WeakResetDevices)
    try:
        devices = msgspec.convert(document, WeakResetDevices)
    except msgspec.ValidationError as error:  # what check_form, which says it better, overlooks
        raise TargetError(f"{file}: {error}") from error
    _check(devices, file)
    return devices


def _check(devices: WeakResetDevices, file: str) -> None:
    """TargetError where a number is unsound, or an interval holds nothing of its law."""
    for path, quantity, bounds in devices.quantities():
        check(quantity, bounds, f"{file}: {path}")
    start, first, turn = devices.start, devices.first_slope, devices.turn
    for name, low, high, dimension in (
        ("start", start.lowest, start.highest, "resistance"),
        ("first_slope", first.lowest, first.highest, "log rise"),
        ("turn", turn.lowest, turn.highest, "pulses"),
    ):
        _demand(low.si(dimension) < high.si(dimension), f"{file}: {name}.lowest is not below {name}.highest")
    location, highest = first.location.si("log rise"), first.highest.si("log rise")
    _demand(location < highest, f"{file}: first_slope.location is not below first_slope.highest")
    _within(start.mean.si("resistance"), start.lowest.si("resistance"), start.highest.si("resistance"), file, "start")
    _within(turn.median.si("pulses"), turn.lowest.si("pulses"), turn.highest.si("pulses"), file, "turn")
    _demand(
        devices.offset.mean.si("log ratio") <= devices.offset.reach.si("log ratio"),
        f"{file}: offset.mean is beyond offset.reach",
    )
    noise = devices.telegraph
    _demand(
        noise.rise.si("pulse rate") + noise.fall.si("pulse rate") <= 1,
        f"{file}: telegraph.rise and telegraph.fall are more than 1 together",
    )
    for name, value, most in (
        ("telegraph.draws", noise.draws.si("factor"), MOST_DRAWS),
        ("pink.memory", devices.pink.memory.si("pulses"), MOST_PULSES),
        ("update.most_pulses", devices.update.most_pulses.si("pulses"), MOST_PULSES),
    ):
        _demand(value == int(value) and 1 <= value <= most, f"{file}: {name} is no whole number from 1 to {most}")


def _within(value: float, low: float, high: float, file: str, name: str) -> None:
    """The middle of a law lies in its interval, so that there is something of the law within it."""
    _demand(low <= value <= high, f"{file}: {name} has its middle outside of lowest to highest")


def _demand(condition: bool, problem: str) -> None:
    if not condition:
        raise TargetError(f"{problem}; mend it there")
