"""Target files: the ones that ship with edgebnn, and a user's own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from edgebnn.chip.target import Target
from edgebnn.chip.target_rules import check_target
from edgebnn.errors import TargetError
from edgebnn.resources import resource_folder

MAX_FILE_BYTES = 1 << 20


def target_names() -> list[str]:
    """Names of the targets that ship with edgebnn."""
    return sorted(path.stem for path in resource_folder("targets").glob("*.toml"))


def load_target(name_or_path: str) -> Target:
    """The target of this name, or in this TOML file; TargetError says what is wrong with it."""
    return parse_target(*read_target_file(name_or_path))


def read_target_file(name_or_path: str) -> tuple[str, str]:
    """(text, what to call it in messages) of a shipped target or of a user's own file."""
    if name_or_path in target_names():
        path = resource_folder("targets") / f"{name_or_path}.toml"
    else:
        path = Path(name_or_path)
        if not path.is_file():
            raise TargetError(
                f"no target '{name_or_path}'; use one of {', '.join(target_names())} or the path of a TOML file"
            )
    if path.stat().st_size > MAX_FILE_BYTES:
        raise TargetError(f"target file '{path}' is larger than {MAX_FILE_BYTES} bytes; that cannot be one")
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(f"target file '{path}' cannot be read as text: {error}") from error


def parse_target(text: str, where: str) -> Target:
    """The target that a TOML text states; `where` names it in messages."""
    try:
        target = msgspec.convert(tomllib.loads(text), Target)
    except (ValueError, msgspec.ValidationError, RecursionError) as error:
        raise TargetError(f"target file '{where}': {error}") from error
    check_target(target, f"target file '{where}'")
    return target
