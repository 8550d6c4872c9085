"""No file of the project names a folder of the machine that somebody wrote it on."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCAL = re.compile(r"(?<![\w.}/-])/(?:home|root|Users|work|opt|mnt|builds?)/[\w.-]+")


def _files() -> list[Path]:
    """The files that git tracks, or would if they were added."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git checkout; this is a test for those who change the project")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _text(path: Path) -> str:
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8", errors="replace")


def test_the_pattern_finds_a_local_path() -> None:
    folder = "/".join(["", "home", "someone"])
    assert LOCAL.search(f'path = "{folder}/project"')
    assert not LOCAL.search("make PYTHON=/path/to/python3")


def test_no_text_file_names_a_local_folder() -> None:
    found = [f"{path.relative_to(ROOT)}: {match.group()}" for path in _files() for match in LOCAL.finditer(_text(path))]
    assert not found, "\n".join(found)


def test_no_text_file_names_the_folder_that_this_checkout_lies_in() -> None:
    assert not [path.relative_to(ROOT) for path in _files() if str(ROOT) in _text(path)]
