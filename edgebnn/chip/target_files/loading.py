"""Target files: the ones that ship with edgebnn, and a user's own."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.form import check_form
from edgebnn.chip.target_files.rules import check_target
from edgebnn.errors import TargetError
from edgebnn.inputs import read_input
from edgebnn.resources import resource_folder

MAX_TARGET_BYTES = 1 << 20


def target_names() -> list[str]:
    """Names of the targets that ship with edgebnn."""
    return sorted(path.stem for path in resource_folder("targets").glob("*.toml"))


def changed(target: Target) -> bool:
    """Whether it bears the name of a target that ships with edgebnn, and states something else."""
    shipped = _shipped(target.name)
    return shipped is not None and shipped.sha256 != target.sha256


def target_title(target: Target) -> str:
    """Its name for people: whoever reads `rram130` thinks of the file that ships, so another one says that it is."""
    return f"{target.name} (changed)" if changed(target) else target.name


def check_name(target: Target, where: str) -> None:
    """TargetError where a shipped target's name stands for another kind of CPU; `where` names it in messages."""
    shipped = _shipped(target.name)
    if shipped is not None and shipped.architecture != target.architecture:
        raise TargetError(
            f"{where}: '{target.name}' ships with edgebnn for the architecture '{shipped.architecture}', and here it "
            f"is '{target.architecture}'; give it another name"
        )


def load_target(name_or_path: str) -> Target:
    """The target of this name, or in this TOML file; TargetError says what is wrong with it."""
    return parse_target(*read_target_file(name_or_path))


def read_target_file(name_or_path: str) -> tuple[str, str]:
    """(text, what to call it in messages) of a shipped target or of a user's own file.

    What has neither a folder in it nor the ending .toml is a name: whatever lies in the current folder, `host` is the
    shipped target.
    """
    path = Path(name_or_path)
    names = ", ".join(target_names())
    if path.suffix != ".toml" and path.name == name_or_path:
        if name_or_path not in target_names():
            raise TargetError(
                f"no target '{name_or_path}'; use one of {names}, or the path of a TOML file (ending in .toml, or with "
                "its folder)"
            )
        path = resource_folder("targets") / f"{name_or_path}.toml"
    remedy = f"use one of {names}, or the path of a TOML file"
    content = read_input(path, MAX_TARGET_BYTES, TargetError, called=f"target file '{path}'", remedy=remedy)
    try:
        return content.decode(), str(path)
    except UnicodeDecodeError as error:
        raise TargetError(f"target file '{path}' is no text in UTF-8 ({error.reason}); save it as such") from error


def parse_target(text: str, where: str) -> Target:
    """The target that a TOML text states; `where` names it in messages."""
    file = f"target file '{where}'"
    target = _parse(text, file)
    check_name(target, file)
    return target


@cache
def _shipped(name: str) -> Target | None:
    """The target of this name that ships with edgebnn."""
    if name not in target_names():
        return None
    text, where = read_target_file(name)
    return _parse(text, f"target file '{where}'")


def _parse(text: str, file: str) -> Target:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{file} is no sound TOML: {error}; mend it there") from error
    except (ValueError, RecursionError) as error:
        raise TargetError(f"{file} holds a number of too many digits, or lists within lists; shorten it") from error
    check_form(document, file)
    try:
        target = msgspec.convert(document, Target)
    except msgspec.ValidationError as error:  # what check_form, which says it better, overlooks
        raise TargetError(f"{file}: {error}") from error
    check_target(target, file)
    return target
