"""The corpus that holds behaviour: what it runs, and that it tells one output from another."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import click
import pytest

from edgebnn.cli.main import COMMANDS, group
from tests.corpus import __main__ as corpus
from tests.corpus.cases import Case, all_cases

WORKER = Path(corpus.__file__).with_name("worker.py")


def test_every_command_is_run(tmp_path: Path) -> None:
    run = {words[:2] for case in all_cases(tmp_path) for words in case.commands if "--help" not in words}
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        inner = list(command.commands) if isinstance(command, click.Group) else []
        for word in inner:
            assert (name, word) in run
        # Training takes minutes; its help stands for it.
        assert inner or name == "train" or any(words[0] == name for words in run)


def test_cases_have_names_of_their_own(tmp_path: Path) -> None:
    names = [case.name for case in all_cases(tmp_path)]
    assert len(names) == len(set(names))


def test_the_same_checkout_gives_the_same_bytes_and_what_differs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = tmp_path / "objects"
    objects.mkdir()
    monkeypatch.setattr(corpus, "OBJECTS", objects)
    commands = (("targets", "copy", "host", "a.toml"), ("targets", "list", "--json"), ("inspect", "nothing.onnx"))

    def outputs(case: Case, name: str) -> corpus.Results:
        folder = tmp_path / name
        folder.mkdir()
        job = {
            "folder": str(folder),
            "objects": str(objects),
            "results": str(folder / "results"),
            "cases": [asdict(case)],
        }
        (folder / "job.json").write_text(json.dumps(job))
        subprocess.run((sys.executable, WORKER, corpus.ROOT, folder / "job.json"), check=True)
        found: corpus.Results = json.loads((folder / "results").read_text())
        return found

    one, again = (outputs(Case("case", commands), name) for name in ("one", "again"))
    assert one["case"].keys() == {"<00>", "<01>", "<02>", "a.toml"}
    assert corpus.report(one, again, 5) == 0
    other = outputs(Case("case", (*commands[:2], ("inspect", "other.onnx"))), "other")
    assert corpus.report(one, other, 5) == 1
    said = capsys.readouterr().out
    assert "case: <02> differs" in said and "nothing.onnx" in said and "1 of 4 outputs differ" in said
