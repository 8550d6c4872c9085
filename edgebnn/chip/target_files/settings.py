"""Numbers of a target that a user sets otherwise than its file: read, applied, and what they are worth."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import msgspec

from edgebnn.chip.target.quantity import Bounds, Evidence, units_of
from edgebnn.chip.target.target import Target
from edgebnn.errors import TargetError

Document = dict[str, Any]

_FORM = re.compile(
    r"\s*(?P<path>[A-Za-z0-9_.-]{1,200})\s*=\s*(?P<value>0[xX][0-9a-fA-F]{1,16}|[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)"
    r"\s*(?P<unit>[A-Za-z][A-Za-z/]{0,31})?\s*"
)
_LONGEST = 80  # characters of a setting that a message repeats


@dataclass(frozen=True)
class Setting:
    """A number by its dotted path, such as `array.banks`; without a unit it is in that of the target."""

    path: str
    value: int | float
    unit: str | None = None

    def __str__(self) -> str:
        return f"{self.path}={self.value}" + (f"{self.unit}" if self.unit else "")


@dataclass(frozen=True)
class Worth:
    """Where set numbers come from, and what that makes them worth."""

    source: str = "set by the user"
    evidence: Evidence = Evidence.ASSUMED


def parse_setting(text: str) -> Setting:
    """The setting in `array.banks=16384` or `memory.sram.size=512KiB`; TargetError where it is none."""
    found = _FORM.fullmatch(text)
    try:
        if found is not None:
            return Setting(found["path"], _number(found["value"]), found["unit"])
    except ValueError:
        pass
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    raise TargetError(
        f"'{shown}' sets no number; write PATH=VALUE with a path that edgebnn targets show lists, such as "
        "array.banks=16384 or memory.sram.size=512KiB"
    )


def _number(text: str) -> int | float:
    if re.fullmatch(r"[-+]?[0-9]{1,30}|0[xX].*", text):
        return int(text, 0) if text[:2] in ("0x", "0X") else int(text)
    return float(text)


def changed(document: Document, settings: Sequence[Setting], target: Target, worth: Worth) -> Document:
    """A target file's document with these numbers set; TargetError where a target has no such number.

    Numbers that the target does not state, and may, are added. `target` is the one that the document states. Each set
    number gets the worth, and its source what it was before.
    """
    known = {path: quantity for path, quantity, _ in target.quantities()}
    possible = dict(target.unstated())
    result = deepcopy(document)
    for setting in settings:
        before = known.get(setting.path)
        if before is None and setting.path in possible:
            _add(result, setting, possible[setting.path], target, worth)
            continue
        if before is None:
            near = difflib.get_close_matches(setting.path, [*known, *possible], 3)
            hint = f"did you mean {' or '.join(near)}?" if near else "edgebnn targets show lists them"
            raise TargetError(f"target '{target.name}' has no number '{setting.path}'; {hint}")
        quantity = _inside(result, setting.path)
        quantity["value"], quantity["unit"] = setting.value, setting.unit or before.unit
        stated = f"{before.value}" if before.unit == "1" else f"{before.value} {before.unit}"
        quantity["source"] = f"{worth.source} ('{target.name}' has {stated})"
        quantity["evidence"] = str(worth.evidence)
    return result


def with_settings(target: Target, settings: Mapping[str, tuple[float, str]]) -> Target:
    """The target with some numbers (path -> value and unit) set otherwise; whether they are sound is not checked."""
    document = msgspec.to_builtins(target)
    chosen = [Setting(path, value, unit) for path, (value, unit) in settings.items()]
    return msgspec.convert(changed(document, chosen, target, Worth()), Target)


def _add(document: Document, setting: Setting, bounds: Bounds, target: Target, worth: Worth) -> None:
    """States a number that the document did not; its table is made where there is none."""
    path, _, name = setting.path.rpartition(".")
    table = _inside(document, path, make=True)
    unit = setting.unit or units_of(bounds)[0]
    stated = f"{worth.source} ('{target.name}' has none)"
    table[name] = {"value": setting.value, "unit": unit, "source": stated, "evidence": str(worth.evidence)}


def _inside(document: Document, path: str, *, make: bool = False) -> Document:
    """The table of this path, which is there, or made; names of policies may hold dots."""
    names, table = path.split("."), document
    while names:
        for length in range(1, len(names) + 1):
            name = ".".join(names[:length])
            if name in table:
                table, names = table[name], names[length:]
                break
        else:
            if make:
                table = table.setdefault(names.pop(0), {})
                continue
            raise AssertionError(f"the document has no '{path}', which its target has")
    return table
