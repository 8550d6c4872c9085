"""Holds the JSON that tests make the product print and write to its schema: no field may be missing, none unknown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator

import edgebnn.api
from edgebnn.chip.instance import chip_file
from edgebnn.cli import output
from edgebnn.mapping.record import Record
from tests.project.json_schema import ANSWERS, FILES, schema


def check(name: str, text: str | bytes) -> None:
    """Fails where a document is not what the schema says of this answer or file."""
    wrong = [f"{error.json_path}: {error.message[:200]}" for error in _validator(name).iter_errors(json.loads(text))]
    assert not wrong, f"docs/json-schema.json has another '{name}':\n" + "\n".join(wrong[:5])


@pytest.fixture(scope="session", autouse=True)
def answers_follow_the_schema() -> Iterator[None]:
    """All that any test makes a command print as JSON in its own process, and the files of folders and chips."""
    as_printed, as_written, as_saved = output.legible_json, edgebnn.api.write_folder, chip_file.write_whole

    def legible_json(text: str) -> str:
        check(_command(click.get_current_context()), text)
        return as_printed(text)

    def write_folder(folder: Path, record: Record, files: Mapping[str, bytes]) -> None:
        as_written(folder, record, files)
        for name in FILES:
            if (folder / name).is_file():
                _check_once(name, (folder / name).read_bytes())

    def write_whole(path: Path, data: bytes) -> None:
        as_saved(path, data)
        if path.suffix.lower() == ".json":
            _check_once("chip.json", data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "legible_json", legible_json)
        patch.setattr(edgebnn.api, "write_folder", write_folder)
        patch.setattr(chip_file, "write_whole", write_whole)
        yield


@cache
def _check_once(name: str, text: bytes) -> None:
    check(name, text)


def _command(context: click.Context) -> str:
    """`edgebnn chip new`, however the program calls itself in a test."""
    words = context.command_path.split()
    return next(name for name in _names() if words[-len(name.split()) + 1 :] == name.split()[1:])


@cache
def _names() -> list[str]:
    """Commands of two words first: `chip export` is no `export`."""
    return sorted((f"edgebnn {name}" for name in ANSWERS), key=lambda name: -len(name.split()))


@cache
def _validator(name: str) -> Draft202012Validator:
    assert name in _names() or name in FILES, f"no answer and no file has the name '{name}'"
    return Draft202012Validator({**_closed(), "$ref": f"#/$defs/{name.replace(' ', '%20')}"})


@cache
def _closed() -> dict[str, Any]:
    """The schema without room for fields that it does not name; the published one leaves that to newer versions."""
    found = schema()
    _close(found)
    Draft202012Validator.check_schema(found)
    return found


def _close(part: Any) -> None:
    if isinstance(part, dict):
        if "properties" in part:
            part.setdefault("additionalProperties", False)
        for value in part.values():
            _close(value)
    elif isinstance(part, list):
        for value in part:
            _close(value)
