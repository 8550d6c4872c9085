"""Thousands of damaged models: none crashes the reader, takes it more than 2 s, or more than 1 GB of memory.

The files follow from their numbers (`mutations.mutant`). One that failed is kept in the folder `found/`, whose files
are read on every run from then on; they are named for the model that was damaged.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgebnn.frontend import inspect_model
from tests.conftest import ROOT
from tests.frontend.fuzz_worker import judged
from tests.frontend.mutations import mutant
from tests.frontend.seeds import seeds

FOUND = Path(__file__).parent / "found"

FILES = 300
LONG_FILES = 20_000
EACH_WORKER = 400
# On the wall clock, for a machine that does other things too; the worker itself holds a file to 2 s of its processor.
MOST_SECONDS_WITHOUT_A_WORD = 60.0


@dataclass(frozen=True)
class Failure:
    """A file by its number, and what went wrong."""

    index: int
    why: str


@dataclass(frozen=True)
class Campaign:
    """How many files were read as networks and how many refused, and which failed."""

    read: int
    refused: int
    failures: tuple[Failure, ...]


def campaign(first: int, count: int) -> Campaign:
    """The files `first` to `first + count - 1`, a few hundred to a process."""
    outcomes: dict[str, int] = {"read": 0, "refused": 0}
    failures = []
    begin, end = first, first + count
    while begin < end:
        size = min(EACH_WORKER, end - begin)
        current = begin - 1
        for line in _worker(begin, size):
            if "begins" in line:
                current = line["begins"]
            elif line["outcome"] == "failed":
                failures.append(Failure(line["index"], line["why"]))
            else:
                outcomes[line["outcome"]] += 1
            if "begins" not in line:
                begin = line["index"] + 1
        if begin == current:  # begun, but nothing came of it
            failures.append(Failure(current, "the process ended or hung"))
            begin = current + 1
    return Campaign(outcomes["read"], outcomes["refused"], tuple(failures))


def _worker(first: int, count: int) -> Iterator[dict[str, Any]]:
    """What a process says of these files, up to where it ends or says nothing for too long."""
    words = [sys.executable, "-m", "tests.frontend.fuzz_worker", str(first), str(count)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines: queue.Queue[str] = queue.Queue()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=listen, daemon=True).start()
    try:
        while line := lines.get(timeout=MOST_SECONDS_WITHOUT_A_WORD):
            yield json.loads(line)
    except queue.Empty:
        return
    finally:
        process.kill()
        process.wait()


def _assert_none_fails(result: Campaign, count: int) -> None:
    folder = Path(os.environ.get("EDGEBNN_FOUND") or FOUND)
    for failure in result.failures:
        folder.mkdir(exist_ok=True)
        name = list(seeds())[failure.index % len(seeds())]
        (folder / f"{name}-{failure.index}.onnx").write_bytes(mutant(list(seeds().values()), failure.index))
    told = "\n\n".join(f"file {failure.index}: {failure.why}" for failure in result.failures[:20])
    assert not result.failures, f"{len(result.failures)} of {count} files fail, kept in {folder}:\n{told}"
    assert result.read + result.refused == count
    assert result.read > count // 10  # most damage is refused, but what is not must be read and run as well


@pytest.mark.parametrize("name", seeds())
def test_every_seed_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.onnx"
    path.write_bytes(seeds()[name].SerializeToString())
    assert inspect_model(path).problems == ()


def test_damaged_files_are_refused_or_read() -> None:
    _assert_none_fails(campaign(0, FILES), FILES)


@pytest.mark.long
def test_many_damaged_files_are_refused_or_read() -> None:
    _assert_none_fails(campaign(FILES, LONG_FILES), LONG_FILES)


@pytest.mark.parametrize("path", sorted(FOUND.glob("*.onnx")), ids=lambda path: path.stem)
def test_files_that_once_failed(tmp_path: Path, path: Path) -> None:
    name = path.stem.split("-")[0]
    for option in range(6):
        result = judged(path.read_bytes(), tmp_path, 16 * option, seeds()[name])
        assert result["outcome"] != "failed", result["why"]
