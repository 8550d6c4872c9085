"""Numbers as users hand them over in Python: of the right kind, or a sentence that says which."""

from __future__ import annotations

import numbers
import reprlib

from edgebnn.errors import TargetError
from edgebnn.legible import legible_line


def check_whole(**values: object) -> None:
    """TargetError names the first that is no whole number, Python's own or NumPy's."""
    _check(values, numbers.Integral, "a whole number")


def check_number(**values: object) -> None:
    """TargetError names the first that is no number; None is let through, which stands for the target's own."""
    _check({name: value for name, value in values.items() if value is not None}, numbers.Real, "a number")


def _check(values: dict[str, object], kind: type, wanted: str) -> None:
    for name, value in values.items():
        if not isinstance(value, kind):
            raise TargetError(f"{name} is {legible_line(reprlib.repr(value))}; give {wanted}")
