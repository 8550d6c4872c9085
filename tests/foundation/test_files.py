"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import DataError
from edgebnn.files import check_place, write_whole


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        write_whole(tmp_path / "x", data)
        assert (tmp_path / "x").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_parts_are_written_as_one_file_or_not_at_all(tmp_path: Path) -> None:
    write_whole(tmp_path / "x", (part for part in (b"on", b"", b"e")))
    assert (tmp_path / "x").read_bytes() == b"one"

    def broken() -> Iterator[bytes]:
        yield b"two"
        raise DataError("no third part")

    with pytest.raises(DataError, match="no third part"):
        write_whole(tmp_path / "x", broken())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"one"}


def test_a_full_disk_leaves_the_older_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "x", b"old")
    real = os.fdopen

    def full(handle: int, mode: str) -> Any:
        real(handle, mode).close()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(DataError, match="x' cannot be written: No space left"):
        write_whole(tmp_path / "x", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"old"}


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none/x' cannot be written: No such file"):
        write_whole(tmp_path / "none" / "x", b"new")


def test_a_place_without_a_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    check_place(tmp_path / "new.json")
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "no" / "x.json", tmp_path / "file" / "x.json"):
        with pytest.raises(DataError, match=r"cannot be written.*choose another place"):
            check_place(path)
