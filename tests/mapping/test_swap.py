"""A process that is killed at any moment loses neither the old folder nor the new one, and nothing is left over."""

from __future__ import annotations

import os
import shutil
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import DeploymentError
from edgebnn.mapping import swap
from edgebnn.mapping.folder import read_folder, write_folder
from edgebnn.mapping.record import encode
from tests.mapping.test_folder import contents

STEPS = ((os, "rename"), (os, "fsync"), (swap, "exchange"), (shutil, "rmtree"), (os, "rmdir"))


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Does the work in a process that is killed right before one of its steps; whether it was."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork, where pytest has threads
        child = os.fork()
    if child == 0:
        try:
            _kill_at(step)
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _kill_at(step: int) -> None:
    left = [step]

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **named: Any) -> Any:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return function(*words, **named)

        return call

    for module, name in STEPS:
        setattr(module, name, counted(getattr(module, name)))


def cannot_exchange(one: Path, other: Path) -> bool:
    return False


@pytest.mark.parametrize("exchanges", [True, False], ids=["exchange", "two renames"])
def test_a_process_that_is_killed_leaves_the_old_folder_or_the_new_one(
    exchanges: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exchanges:
        monkeypatch.setattr(swap, "exchange", cannot_exchange)
    old, new = contents(4), contents(9)
    write_folder(tmp_path / "old", *old)
    seen, step = set(), 0
    while True:
        home = tmp_path / str(step)
        shutil.copytree(tmp_path / "old", home / "out")
        killed = killed_at(step, lambda home=home: write_folder(home / "out", *new))
        if exchanges:
            assert (home / "out").is_dir(), step
        found = encode(read_folder(home / "out")[0])
        assert found in (encode(old[0]), encode(new[0]))
        seen.add(found)
        write_folder(home / "out", *old)
        assert [path.name for path in home.iterdir()] == ["out"], step
        assert encode(read_folder(home / "out")[0]) == encode(old[0])
        if not killed:
            break
        step += 1
    assert step > 10 and seen == {encode(old[0]), encode(new[0])}


def test_two_names_are_exchanged_in_one_step(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not swap.exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("the file system cannot exchange")
    assert (tmp_path / "one" / "other").exists() and (tmp_path / "other" / "one").exists()
    with pytest.raises(FileNotFoundError):
        swap.exchange(tmp_path / "one", tmp_path / "none")


def half_done(home: Path) -> Path:
    """What is there between the two renames."""
    write_folder(home / "out", *contents(4))
    write_folder(home / "new", *contents(9))
    fresh = home / (swap._prefix(home / "out") + "x")
    (home / "out").rename(fresh.with_name(fresh.name + "-old"))
    (home / "new").rename(fresh)
    return fresh


def test_what_a_process_that_lives_has_half_done_is_named_and_not_touched(tmp_path: Path) -> None:
    fresh = half_done(tmp_path)
    with swap._locked(fresh), pytest.raises(DeploymentError, match=r"was being replaced, and '.*-old' is what was"):
        read_folder(tmp_path / "out")
    assert not (tmp_path / "out").exists() and fresh.is_dir()
    assert encode(read_folder(tmp_path / "out")[0]) == encode(contents(9)[0])


def test_a_link_in_a_leftovers_place_is_no_leftover(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", *contents(4))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    (tmp_path / (swap._prefix(tmp_path / "out") + "link")).symlink_to("mine")
    write_folder(tmp_path / "out", *contents(9))
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_is_no_folder_is_not_named_as_what_was_there(kind: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    place = tmp_path / (swap._prefix(tmp_path / "out") + "x-old")
    place.symlink_to("mine") if kind == "link" else place.write_text("mine")
    assert swap.recover(tmp_path / "out") is None and os.path.lexists(place)
