"""A budget for deployments: the most that some figures may be, the least that others may."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from edgebnn.brief import brief
from edgebnn.comparison.figures import FIGURES, Dimension, Figure
from edgebnn.errors import DataError
from edgebnn.legible import legible_line, legible_name

_VALUE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,2})?) ?([A-Za-z%]{0,5})")
_BY_NAME = {figure.name: figure for figure in FIGURES}


@dataclass(frozen=True)
class Limit:
    """The most that a figure may be, or the least where less is worse; a figure that is just that keeps to it.

    value is in the figure's own unit, the nearest float to what `text` says.
    """

    figure: Figure
    value: float
    text: str

    __repr__ = brief

    def keeps(self, found: float) -> bool:
        """Whether a figure keeps to it."""
        return found >= self.value if self.figure.least else found <= self.value


@dataclass(frozen=True)
class Budget:
    """Limits, one of a figure at most."""

    limits: tuple[Limit, ...]

    def __repr__(self) -> str:
        """As it is written."""
        return f"Budget({','.join(f'{limit.figure.name}={limit.text}' for limit in self.limits)!r})"

    @property
    def names(self) -> tuple[str, ...]:
        """The figures that it bounds."""
        return tuple(limit.figure.name for limit in self.limits)

    @staticmethod
    def of(said: Budget | str | Mapping[str, str | float]) -> Budget:
        """A budget of `energy=60nJ,flash=16KB,accuracy=0.95`, or of a mapping of such names to such values.

        Raises DataError for a figure that budgets do not know or that is named twice, and for a value that is none.
        """
        if isinstance(said, Budget):
            return said
        limits: dict[str, Limit] = {}
        for name, value in tuple(_pairs(said)):
            if name in limits:
                raise DataError(f"the budget names '{name}' twice; give each limit once")
            limits[name] = _limit(name, value)
        if not limits:
            raise DataError("the budget is empty; give limits, such as energy=60nJ,flash=16KB")
        return Budget(tuple(limits.values()))


def _pairs(said: object) -> Iterator[tuple[str, str]]:
    if isinstance(said, Mapping):
        for key, value in said.items():
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise DataError(
                    f"the budget of '{legible_name(str(key))}' is {_quoted(value)}; give a text, such as '60nJ'"
                )
            yield str(key), value.strip() if isinstance(value, str) else f"{value}"
    elif isinstance(said, str):
        for part in said.split(","):
            name, equals, value = part.partition("=")
            if not equals:
                raise DataError(
                    f"the budget's part '{legible_name(part.strip())}' is no limit; write NAME=VALUE, such as "
                    "energy=60nJ, with commas between them"
                )
            yield name.strip(), value.strip()
    else:
        raise DataError(f"the budget is {_quoted(said)}; give a text, such as 'energy=60nJ,flash=16KB', or a dict")


def _limit(name: str, text: str) -> Limit:
    figure = _BY_NAME.get(name)
    if figure is None:
        known = ", ".join(_BY_NAME)
        raise DataError(f"the budget names '{legible_name(name)}', which is no figure; choose from: {known}")
    found = _VALUE.fullmatch(text)
    factor = None if found is None else figure.factor(found[2])
    if found is None or factor is None:
        raise DataError(
            f"the budget's {name} is '{legible_name(text, 40)}', not {figure.dimension.value}; write it as "
            f"{name}={figure.example}"
        )
    exact = Fraction(found[1]) * Fraction(*factor)
    if figure.dimension is Dimension.SHARE and exact > 1:
        raise DataError(f"the budget's {name} is {text}, more than all; give a share from 0 to 1, or from 0% to 100%")
    if figure.dimension is Dimension.COUNT and exact.denominator != 1:
        raise DataError(f"the budget's {name} is {text}; give a whole number")
    return Limit(figure, float(exact), text)


def _quoted(value: object) -> str:
    return legible_line(reprlib.repr(value))
