"""A full or closed place for temporary files is named."""

from __future__ import annotations

import errno
import re
import tempfile
from pathlib import Path

import pytest

from edgebnn.errors import DataError, ToolError
from edgebnn.scratch import scratch_folder


def test_the_folder_goes_away_whatever_happens_in_it() -> None:
    with pytest.raises(DataError), scratch_folder() as folder:
        (folder / "x").write_bytes(b"x")
        raise DataError("no more")
    assert not folder.exists()


def test_a_full_disk_is_named() -> None:
    place = re.escape(tempfile.gettempdir())
    full = OSError(errno.ENOSPC, "No space left on device")  # a write to an open file names none
    with pytest.raises(ToolError, match=rf"temporary files in '{place}' cannot be written: No space"), scratch_folder():
        raise full


def test_a_missing_place_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(ToolError, match=r"none' cannot be written: No such file.*TMPDIR"), scratch_folder():
        pass


def test_an_error_elsewhere_stays_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "place").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "place"))
    with pytest.raises(FileNotFoundError), scratch_folder():
        (tmp_path / "elsewhere").read_bytes()
