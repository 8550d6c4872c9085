"""What the commands print holds no control character, and obeys no markup, of a stranger's file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from edgebnn.cli.main import group
from edgebnn.report.tables import facts
from edgebnn.report.terminal import bold, line, red
from edgebnn.resources import resource_folder
from tests.frontend.onnx_models import dense
from tests.report.printing import printed

ESCAPE = "\x1b]0;owned\x07\x9b31m\u202e"


def edgebnn(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgebnn", *map(str, words)], capture_output=True, text=True, timeout=120, check=False
    )


def assert_plain(*texts: str) -> None:
    for text in texts:
        assert text.replace("\n", "").isprintable(), repr(text)


def target_file(folder: Path, change: str, by: str) -> Path:
    text = (resource_folder("targets") / "cortex-m4.toml").read_text()
    assert change in text
    path = folder / "mine.toml"
    path.write_text(text.replace(change, by, 1))
    return path


def test_a_unit_and_a_summary_are_printed_harmless(tmp_path: Path) -> None:
    escaped = "\\u001b]0;owned\\u0007[/red][bold]\\u202e"
    found = edgebnn("targets", "check", target_file(tmp_path, 'unit = "MHz"', f'unit = "MHz{escaped}"'))
    assert found.returncode == 1 and found.stderr.count("\n") == 1
    assert_plain(found.stdout, found.stderr)
    path = target_file(tmp_path, 'summary = "', f'summary = "{escaped} ')
    for words in ([], ["--json"]):
        found = edgebnn("targets", "show", path, *words)
        assert found.returncode == 0, found.stderr
        assert_plain(found.stdout, found.stderr)
        assert "[/red][bold]" in found.stdout
    assert "\x1b" in json.loads(found.stdout)["summary"]


def test_names_in_archives_and_on_the_command_line_are_printed_harmless(tmp_path: Path) -> None:
    path = tmp_path / f"{ESCAPE}.npz"
    np.savez(path, **{ESCAPE: np.zeros(3)})
    for words in (["chip", "import", path, "-o", tmp_path / "c.npz"], ["compile", path], [ESCAPE], ["run", ESCAPE]):
        found = edgebnn(*words)
        assert found.returncode != 0
        assert_plain(found.stdout, found.stderr)


def test_markup_and_emoji_in_a_text_are_letters() -> None:
    """In a line, a table's title and cells, and what is bold: the console itself takes no markup."""
    name = "a[bold]b[/red]:bug:[link=http://x]" + ESCAPE
    letters = "a[bold]b[/red]:bug:[link=http://x]?]0;owned??31m?"

    def show(console: Console, document: dict[str, Any]) -> None:
        console.print(name, markup=True, emoji=True)
        facts(console, name, [(name, ""), ("", line(bold(name), red(name), name))])

    assert [word for word in printed(show, {}, 200).split() if word] == [letters, letters, letters, 3 * letters]


def test_a_layer_a_file_and_a_target_may_have_brackets_in_their_names(tmp_path: Path) -> None:
    proto = dense().proto()
    proto.graph.node[0].name = "a[bold]b[/red]"
    path = tmp_path / "m[bold]n[red].onnx"
    path.write_bytes(proto.SerializeToString())
    target = target_file(tmp_path, 'summary = "', 'summary = "[red]loud[/green] ')
    for words, told in (
        (["inspect", path], ("a[bold]b[/red]", "m[bold]n[red]")),
        (["targets", "show", target], ("[red]loud[/green] ",)),
    ):
        found = CliRunner().invoke(group, list(map(str, words)))
        assert found.exit_code == 0, found.output
        assert all(text in found.stdout.replace("\n", "") for text in told), found.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("buffered", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
def test_a_full_output_is_named(buffered: dict[str, str]) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "edgebnn", "targets", "list"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | buffered
        found = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False, env=environment
        )
    assert found.returncode == 1
    assert found.stderr.startswith("edgebnn: standard output: No space left on device")
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["--help"], ["targets", "show", "rram130"], ["targets", "list", "--json"]])
def test_a_command_ends_in_silence_with_who_reads_it(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "edgebnn", *words]
    found = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    os.close(writer)
    assert (found.returncode, found.stderr) == (-signal.SIGPIPE, "")
