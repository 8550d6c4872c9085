"""A chip instance as a file: JSON, or with a measurement an .npz archive that holds the same JSON and the cells.

What a chip's settings are stands in its dataclass alone: the file has one field for each of them.
"""

from __future__ import annotations

import io
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeVar, get_type_hints

import msgspec
import numpy as np

from edgebnn.arrays import Array, read_npz
from edgebnn.chip.measured.cells import MAX_CELLS, Measured
from edgebnn.chip.target.target import NAME_PATTERN, Target
from edgebnn.errors import DataError, TargetError
from edgebnn.files import write_whole
from edgebnn.inputs import open_input

SCHEMA = 4
_MAX_JSON_BYTES = 1 << 16
_MAX_FILE_BYTES = 28 * MAX_CELLS  # 26 bytes a cell, and the frame
_CHIP, _CELL = "chip", "cell"  # arrays of the archive, with some of those below
_VALUES = _RATE, _RESISTANCE, _READING, _STUCK = "error_rate", "ln_resistance", "reading", "stuck"

_ZIP = b"PK\x03\x04"


class Measurable(Protocol):
    """A dataclass of settings, with what was measured of the chip."""

    @property
    def measured(self) -> Measured | None: ...


Settings = TypeVar("Settings", bound=Measurable)

# What a file may hold where the settings have such a type. Python refuses to print integers of thousands of digits, so
# that they had better not get in.
_BOUNDED: dict[Any, Any] = {
    int: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)],
    str | None: Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)] | None,
}


class _Measurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    sha256: str


class _MadeFor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class _AnyFile(msgspec.Struct, frozen=True):
    schema: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


@cache
def _layout(kind: type, *more: tuple[str, Any] | tuple[str, Any, Any]) -> type[msgspec.Struct]:
    """A file's fields for a dataclass of settings, and some more; all of the dataclass's have to be there."""
    hints = get_type_hints(kind)
    own = [(field.name, _in_file(hints[field.name])) for field in fields(kind)]
    return msgspec.defstruct(kind.__name__, [*own, *more], frozen=True, forbid_unknown_fields=True)


def _in_file(hint: Any) -> Any:
    """The type of a file's field for a setting of this one."""
    if hint == Measured | None:
        return _Measurement | None
    return _layout(hint) if isinstance(hint, type) and is_dataclass(hint) else _BOUNDED.get(hint, hint)


def chip_layout(kind: type) -> type[msgspec.Struct]:
    """The fields of a file of such a chip."""
    # Files of before have no target, as have chips that were saved without one.
    return _layout(kind, ("schema", Literal[4]), ("target", _MadeFor | None, None))


def save_chip(chip: Measurable, path: Path, target: Target | None = None) -> None:
    """Writes the chip, whole or not at all; DataError where the file's ending says another format, or it cannot be.

    The file states name and hash of the `target` that the chip is one of. The same chip gives the same bytes.
    """
    check_ending(path, chip.measured is not None)
    text = _json(chip, target)
    write_whole(path, text if chip.measured is None else _archive(text, chip.measured))


def check_ending(path: Path, measured: bool) -> None:
    """DataError where a file's ending is not that of chips with, or without, a measurement."""
    if measured != (path.suffix.lower() == ".npz"):
        what = "a chip with a measurement is an archive" if measured else "a chip without a measurement is JSON"
        raise DataError(f"'{path}' has the wrong ending: {what}; end it in {'.npz' if measured else '.json'}")


def load_chip(kind: type[Settings], path: Path, target: Target | None = None) -> Settings:
    """The chip, a dataclass of this kind, of a file that `save_chip` wrote, JSON or archive by its content.

    Raises DataError where it is none, and TargetError where a number in it is unsound, or where the file names another
    target than `target`; one that names none goes with any.
    """
    remedy = "give a seed, or a file of edgebnn chip new"
    with open_input(path, _MAX_FILE_BYTES, called=f"chip '{path}'", remedy=remedy) as file:
        start = file.read(_MAX_JSON_BYTES + 1)
    if not start.startswith(_ZIP):
        return _chip(kind, _stored(kind, start, path, target), None, path)
    text = read_npz(path, [_CHIP], most_bytes=_MAX_JSON_BYTES)[_CHIP]
    if text.dtype != np.uint8:
        raise DataError(f"'{path}' is not a chip file: its array '{_CHIP}' is no text; import the measurement again")
    stored = _stored(kind, text.tobytes(), path, target)
    return _chip(kind, stored, read_npz(path, [_CELL], _VALUES, _MAX_FILE_BYTES), path)


def _json(chip: Any, target: Target | None) -> bytes:
    known: dict[str, Any] = {field.name: getattr(chip, field.name) for field in fields(chip)}
    if chip.measured is not None:
        known["measured"] = {"name": chip.measured.name, "sha256": chip.measured.sha256}
    known["target"] = None if target is None else {"name": target.name, "sha256": target.sha256}
    return msgspec.json.format(msgspec.json.encode({"schema": SCHEMA, **known}), indent=2) + b"\n"


def _archive(text: bytes, measured: Measured) -> bytes:
    arrays: dict[str, Any] = {_CHIP: np.frombuffer(text, np.uint8), _CELL: measured.cell}
    arrays |= {name: getattr(measured, name) for name in _VALUES if getattr(measured, name) is not None}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _stored(kind: type, text: bytes, path: Path, target: Target | None) -> Any:
    stored = _decoded(kind, text, path)
    if target is not None and stored.target is not None:
        _check_target(stored.target, target, path)
    return stored


def _check_target(made_for: _MadeFor, target: Target, path: Path) -> None:
    if made_for.sha256 != target.sha256:
        raise TargetError(
            f"chip file '{path}': the chip was made for target '{made_for.name}' (sha256 {made_for.sha256[:16]}), "
            f"whose file differs from that of target '{target.name}' here (sha256 {target.sha256[:16]}); use the "
            "target that it was made for, or make the chip again for this one"
        )


def _decoded(kind: type, text: bytes, path: Path) -> Any:
    if len(text) > _MAX_JSON_BYTES:
        raise DataError(f"'{path}' is not a chip file: it is larger than {_MAX_JSON_BYTES} bytes; give one")
    try:
        schema = msgspec.json.decode(text, type=_AnyFile).schema
        if schema != SCHEMA:
            older = "an older edgebnn, which drew other errors, or numbered cells for banks of 32 x 32 alone"
            why = older if schema < SCHEMA else f"another edgebnn (schema {schema})"
            raise DataError(f"chip file '{path}' is of {why}; make the chip again with edgebnn chip new")
        return msgspec.json.decode(text, type=chip_layout(kind))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        # The reason quotes the file, so what a terminal might obey is escaped.
        reason = repr(str(error)[:200])[1:-1]
        raise DataError(f"'{path}' is not a chip file ({reason}); make one with edgebnn chip new") from error


def _chip(kind: type[Settings], stored: Any, arrays: dict[str, Array] | None, path: Path) -> Settings:
    if (stored.measured is None) != (arrays is None):
        raise DataError(f"'{path}' has a measurement's name or its cells, and not both; import the measurement again")
    try:
        return _made(kind, stored, arrays)
    except (DataError, TargetError) as error:
        raise type(error)(f"chip file '{path}': {error}") from error


def _made(kind: type[Settings], stored: Any, arrays: dict[str, Array] | None) -> Settings:
    """The dataclass of what was stored."""
    hints = get_type_hints(kind)
    found = {field.name: getattr(stored, field.name) for field in fields(kind)}  # type: ignore[arg-type]
    for name, value in found.items():
        if isinstance(value, _Measurement):
            found[name] = _measured(value, arrays)
        elif is_dataclass(hints[name]):
            found[name] = hints[name](**msgspec.structs.asdict(value))
    return kind(**found)


def _measured(stored: _Measurement | None, arrays: dict[str, Array] | None) -> Measured | None:
    if stored is None or arrays is None:
        return None
    readings = arrays.get(_READING), arrays.get(_STUCK)
    return Measured(arrays[_CELL], arrays.get(_RATE), arrays.get(_RESISTANCE), stored.name, stored.sha256, *readings)
