"""Copies of target files with some numbers changed: the text stays as it is but for the lines of these numbers."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgebnn.chip.target.target import NAME_PATTERN, Target
from edgebnn.chip.target_files.device_check import check_solvable
from edgebnn.chip.target_files.loading import parse_target, read_target_file, target_names
from edgebnn.chip.target_files.settings import Setting, Worth, changed
from edgebnn.errors import TargetError
from edgebnn.files import write_whole

Document = dict[str, Any]
Names = tuple[str, ...]

_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?")


def copy_target(name_or_path: str, file: Path, settings: Sequence[Setting] = (), worth: Worth | None = None) -> Target:
    """Writes a copy of a target's file, named for its own file and with these numbers set, and gives its target.

    Raises TargetError where the target has no such number, where the result is no sound target, where the file has no
    proper name or is there already; DataError where it cannot be written.
    """
    _check_name(file)
    text, where = read_target_file(name_or_path)
    original = parse_target(text, where)
    document = tomllib.loads(text)
    wanted = changed(document, settings, original, worth or Worth()) | {"name": file.stem}
    copied = _rewritten(text, document, wanted, where)
    target = parse_target(copied, str(file))
    check_solvable(target, f"target file '{file}'")
    write_whole(file, copied.encode())
    return target


def _check_name(file: Path) -> None:
    if file.suffix != ".toml":
        raise TargetError(f"'{file}' does not end in .toml, as target files do; name it so")
    if re.match(NAME_PATTERN, file.stem) is None:
        raise TargetError(
            f"the target is named for its file, and '{file.stem}' is not 1 to 64 letters, digits, '.', '_' or '-'; "
            "choose another name"
        )
    if file.stem in target_names():
        raise TargetError(f"'{file.stem}' is the name of a target that ships with edgebnn; name the copy otherwise")
    if file.exists() or file.is_symlink():
        raise TargetError(f"'{file}' is there already; choose another name, or remove it")


def _rewritten(text: str, before: Document, after: Document, where: str) -> str:
    """The text with the lines of what changed written anew; TargetError where it has no such lines.

    Numbers that are new stand below their table's header, or in a table of their own at the end.
    """
    lines: list[str] = []
    table: Names = ()
    added = _added(before, after)
    for line in text.splitlines():
        header = _HEADER.fullmatch(line)
        if header is not None:
            table = _names(header[1].strip())
            lines += [line, *_stated(added.pop(table, {}))]
            continue
        key, equals, _ = line.partition("=")
        old, new = (_at(document, (*table, key.strip())) for document in (before, after))
        lines.append(f"{key}= {_toml(new)}" if equals and old != new else line)
    for table, numbers in added.items():
        lines += ["", f"[{'.'.join(table)}]", *_stated(numbers)]
    result = "\n".join(lines) + "\n"
    try:
        whole = tomllib.loads(result) == after
    except tomllib.TOMLDecodeError:
        whole = False
    if not whole:
        raise TargetError(
            f"target file '{where}' does not have each number on a line of its own below its table's [header], as the "
            "shipped files have; change a copy of it by hand"
        )
    return result


def _names(header: str) -> Names:
    """A table's header as names; those of policies may hold dots."""
    return tuple(header.split(".", 1) if header.startswith("policies.") else header.split("."))


def _added(before: Document, after: Document, table: Names = ()) -> dict[Names, Document]:
    """By table, the numbers that `before` does not have."""
    found: dict[Names, Document] = {}
    for name, value in after.items():
        if not isinstance(value, dict):
            continue
        if "value" not in value:
            found |= _added(before.get(name, {}), value, (*table, name))
        elif name not in before:
            found.setdefault(table, {})[name] = value
    return found


def _stated(numbers: Document) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in numbers.items()]


def _at(document: Document, names: Sequence[str]) -> Any:
    found: Any = document
    for name in filter(None, names):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _toml(value: Any) -> str:
    """A text, a number, or a table of them on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
