"""An option that has one value is not given twice: the first of them would be lost without a word."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from edgebnn.cli.main import COMMANDS, group
from edgebnn.cli.output import JsonCommand


def commands(of: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in of.list_commands(click.Context(of)):
        command = of.get_command(click.Context(of), name)
        assert command is not None
        found += commands(command, (*path, name)) if isinstance(command, click.Group) else [((*path, name), command)]
    return found


EVERY = commands(group)  # type: ignore[arg-type]


def test_every_command_is_looked_at() -> None:
    assert {path[0] for path, _ in EVERY} == set(COMMANDS)
    assert all(isinstance(command, JsonCommand) for _, command in EVERY)


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) for path, _ in EVERY])
def test_it_is_wrong_usage_that_names_the_option(path: tuple[str, ...], command: click.Command) -> None:
    for option in command.params:
        if not isinstance(option, click.Option) or option.is_flag or option.hidden or option.multiple:
            continue
        shortest, longest = option.opts[0], max(option.opts, key=len)
        for words in ([shortest, "one", shortest, "two"], [f"{longest}=one", shortest, "one"]):
            result = CliRunner().invoke(group, [*path, *words])
            assert result.exit_code == 2, result.output
            assert f"{longest} is given 2 times, but has one value" in " ".join(result.stderr.split())


def test_json_goes_to_one_file_and_flags_may_be_said_twice() -> None:
    twice = CliRunner().invoke(group, ["targets", "list", "--json", "a.json", "--json", "b.json"])
    assert twice.exit_code == 2 and "--json is given 2 times" in twice.stderr
    assert CliRunner().invoke(group, ["targets", "list", "--json", "--json"]).exit_code == 0
