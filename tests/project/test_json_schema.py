"""The JSON schema is published as the types say, and documents that are wrong do not pass it."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from edgebnn.cli.main import group
from edgebnn.cli.output import JsonCommand
from tests.answers import check
from tests.project.json_schema import ANSWERS, COMMAND, text

ROOT = Path(__file__).resolve().parents[2]


def test_the_file_is_made_from_the_types() -> None:
    written = (ROOT / "docs" / "json-schema.json").read_text(encoding="utf-8")
    assert written == text(), f"docs/json-schema.json is not what the types say; write it anew: {COMMAND}"


def test_every_command_that_prints_json_has_its_answer_in_the_schema() -> None:
    def commands(of: click.Command, name: str) -> set[str]:
        if isinstance(of, click.Group):
            context = click.Context(of)
            inside = {each: of.get_command(context, each) for each in of.list_commands(context)}
            return {path for each, command in inside.items() if command for path in commands(command, f"{name} {each}")}
        return {name.strip()} if isinstance(of, JsonCommand) else set()

    assert commands(group, "") == set(ANSWERS)


def test_a_missing_field_an_unknown_one_and_a_wrong_type_are_noticed() -> None:
    printed = json.loads(CliRunner().invoke(group, ["targets", "check", "host", "--json"]).stdout)
    check("edgebnn targets check", json.dumps(printed))
    for wrong in (
        {name: value for name, value in printed.items() if name != "sound"},
        printed | {"other": 1},
        printed | {"numbers": "5"},
    ):
        with pytest.raises(AssertionError, match="has another 'edgebnn targets check'"):
            check("edgebnn targets check", json.dumps(wrong))


def test_an_answer_that_the_schema_does_not_know_fails_the_test_that_prints_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is, the fixture for all tests is at work."""
    monkeypatch.setattr("edgebnn.report.target_names.changed", lambda target: "perhaps")
    with pytest.raises(AssertionError, match="target_changed"):
        CliRunner().invoke(group, ["targets", "check", "host", "--json"], catch_exceptions=False)
