"""How objects that hold much show themselves in a notebook or a terminal: one short line.

An array or a tensor is its type and shape, a quantity its value and unit, bytes and long lists are their number, any
other object inside is its type and its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from edgebnn.legible import legible_name

_LONGEST_TEXT = 24
_MOST_ITEMS = 4


def brief(self: Any) -> str:
    """For `__repr__ = brief` in a dataclass or a struct of msgspec: its type and its fields, each of them cut."""
    return f"{type(self).__name__}({', '.join(f'{name}={_shown(value)}' for name, value in _fields(self))})"


def _fields(value: Any) -> Iterable[tuple[str, Any]]:
    names = [each.name for each in fields(value)] if is_dataclass(value) else value.__struct_fields__
    return ((name, getattr(value, name)) for name in names)


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float | complex):
        return repr(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str):
        return repr(legible_name(value, _LONGEST_TEXT))
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"<{value.dtype} {value.shape}>"
    if hasattr(value, "value") and hasattr(value, "unit"):
        return f"{value.value} {value.unit}"
    if isinstance(value, Mapping | tuple | list):
        few = len(value) <= _MOST_ITEMS and all(map(_is_number, value))
        return repr(value) if few or not value else f"<{len(value)} items>"
    name = getattr(value, "name", None)
    return f"{type(value).__name__}({_shown(name) if isinstance(name, str) else '...'})"


def _is_number(value: object) -> bool:
    return isinstance(value, bool | int | float)
