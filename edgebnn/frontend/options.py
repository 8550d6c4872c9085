"""What the reader of a model is told beside the model, and how the texts that say it are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Generic, TypeAlias, TypeVar

from edgebnn.errors import ModelError
from edgebnn.frontend.problems import printable
from edgebnn.network.batches import Samples
from edgebnn.network.types import Kind

S_co = TypeVar("S_co", covariant=True)
T = TypeVar("T")

_NAMES = "bits, trits, or uintN or intN with N from 1 to 16"
_MOST_DIGITS = 40  # of a scale or an offset


@dataclass(frozen=True)
class PerInput(Generic[S_co]):
    """What is said of a model's inputs: of those in `named`, by their names, and of `every` other one."""

    every: S_co | None = None
    named: Mapping[str, S_co] = field(default_factory=dict)


# How a caller may say it: for all inputs, or by their names.
Stated: TypeAlias = S_co | Mapping[str, S_co] | PerInput[S_co] | None


@dataclass(frozen=True)
class InputOptions:
    """What is said of one input."""

    type: str | None
    scale: Fraction | None
    offset: Fraction | None


@dataclass(frozen=True, eq=False)
class ReadOptions:
    """What the reader of a model is told beside the model.

    `input_type` is `bits`, `trits`, `uintN` or `intN` (N from 1 to 16), `input_scale` the real value of one of these
    integers, by default 1, and `input_offset` that of the integer 0, by default 0: for all inputs, or `PerInput`.
    Samples in `calibration` (batch first, in the model's own layout, of several inputs by their names) show the range
    of an input where the model itself does not, and those of float layers that are to become int8. `output` names the
    output that the network ends in, where the model has several. With
    `more_to_calibrate` the samples are of use besides, so nothing is said against them.
    """

    input_type: str | PerInput[str] | None = None
    input_scale: Fraction | PerInput[Fraction] | None = None
    calibration: Samples | None = None
    output: str | None = None
    input_offset: Fraction | PerInput[Fraction] | None = None
    more_to_calibrate: bool = False

    def of(self, name: str) -> InputOptions:
        """What is said of the input of this name."""
        return InputOptions(_of(self.input_type, name), _of(self.input_scale, name), _of(self.input_offset, name))

    def stated(self) -> str:
        """What is said of inputs as options of the command line."""
        said = (("type", self.input_type), ("scale", self.input_scale), ("offset", self.input_offset))
        return "".join(f" --input-{word} {value}" for word, option in said for value in _values(option))

    def check_names(self, inputs: Sequence[str]) -> None:
        """ModelError where something is said of an input that the model does not have."""
        for option in (self.input_type, self.input_scale, self.input_offset):
            named = option.named if isinstance(option, PerInput) else {}
            unknown = next((each for each in named if not any(_is_name(each, name) for name in inputs)), None)
            if unknown is not None:
                shown = " and ".join(f"'{printable(name)}'" for name in inputs)
                raise ModelError(f"the model has no input '{printable(unknown)}' to say something of, but {shown}")


def per_input(given: Stated[object], read: Callable[[str], T]) -> T | PerInput[T] | None:
    """What is said of inputs, each text read; numbers are read as their texts."""
    match given:
        case None:
            return None
        case PerInput(every, named):
            return PerInput(
                None if every is None else read(str(every)), {name: read(str(value)) for name, value in named.items()}
            )
        case Mapping():
            return PerInput(named={name: read(str(value)) for name, value in given.items()})
        case _:
            return read(str(given))


def _values(option: object) -> list[object]:
    """What is said of all inputs, then of each by its name."""
    if not isinstance(option, PerInput):
        return [] if option is None else [option]
    named = [f"{printable(name)}={value}" for name, value in sorted(option.named.items())]
    return [*([] if option.every is None else [option.every]), *named]


def _of(option: T | PerInput[T] | None, name: str) -> T | None:
    if not isinstance(option, PerInput):
        return option
    return next((value for each, value in option.named.items() if _is_name(each, name)), option.every)


def _is_name(given: str, name: str) -> bool:
    """Whether a user means the input of this name: by it, or by what is shown of it."""
    return given in (name, printable(name))


def parse_input_type(text: str) -> tuple[Kind, int, int]:
    """Kind, lowest and highest value of an input type by name; ModelError for an unknown name."""
    if text in ("bits", "trits"):
        return Kind(text), -1, 1
    match = re.fullmatch(r"(u?)int([1-9]|1[0-6])", text)
    if match is None:
        raise ModelError(f"the input type '{printable(text)}' is not known; choose {_NAMES}")
    bits = int(match[2])
    return (Kind.INTEGERS, 0, 2**bits - 1) if match[1] else (Kind.INTEGERS, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def parse_input_scale(text: str) -> Fraction:
    """The real value of one integer, such as "1/255", "1/127.5" or "0.005"; ModelError for anything else."""
    scale = _ratio(text)
    if scale is None or not 2.0**-60 < scale < 2.0**60:
        raise ModelError(f"the input scale '{printable(text)}' is no positive number; write it as 1/255 or 0.005")
    return scale


def parse_input_offset(text: str) -> Fraction:
    """The real value of the integer 0, such as "-1", "-0.5" or "-117/127.5"; ModelError for anything else."""
    offset = _ratio(text)
    if offset is None or not -(2.0**60) < offset < 2.0**60:
        raise ModelError(f"the input offset '{printable(text)}' is no number; write it as -1 or -0.5")
    return offset


def _ratio(text: str) -> Fraction | None:
    """A decimal number, or one over another; None for anything else, and for one of far too many digits."""
    numerator, slash, denominator = text.partition("/")
    if len(text) > _MOST_DIGITS:
        return None
    try:
        parts = [Decimal(numerator), Decimal(denominator if slash else 1)]
    except InvalidOperation:
        return None
    if any(not part.is_finite() or abs(part.adjusted()) > _MOST_DIGITS for part in parts) or not parts[1]:
        return None
    return Fraction(parts[0]) / Fraction(parts[1])
