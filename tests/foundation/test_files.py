"""A file is written whole or not at all; what is no file stays what it is."""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import DataError
from edgebnn.files import write_whole
from edgebnn.places import check_place


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
    with pytest.raises(DataError, match="none/x' cannot be written: its folder does not exist"):
        write_whole(tmp_path / "none" / "x", b"new")


def test_a_place_without_a_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    check_place(tmp_path / "new.json")
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "no" / "x.json", tmp_path / "file" / "x.json"):
        with pytest.raises(DataError, match=r"cannot be written.*choose another place"):
            check_place(path)


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x").write_bytes(b"old")
    (tmp_path / "x").symlink_to("real/x")
    (tmp_path / "dangling").symlink_to("real/new")
    write_whole(tmp_path / "x", b"one")
    write_whole(tmp_path / "dangling", b"two")
    assert (tmp_path / "x").is_symlink() and (tmp_path / "dangling").is_symlink()
    assert {path.name: path.read_bytes() for path in (tmp_path / "real").iterdir()} == {"x": b"one", "new": b"two"}


def test_links_in_a_circle_and_names_of_no_file_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for path in (tmp_path / "a", tmp_path / "a" / "x", tmp_path / "nul\0", tmp_path / ("x" * 300)):
        with pytest.raises(DataError, match="cannot be written"):
            check_place(path)
        with pytest.raises(DataError, match="cannot be written"):
            write_whole(path, b"new")


def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    write_whole(tmp_path / "x", b"one")
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o644
    (tmp_path / "x").chmod(0o600)
    write_whole(tmp_path / "x", b"two")
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


def test_a_fifo_stays_one_and_its_reader_gets_all(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    got: list[bytes] = []
    handle = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)  # open before there is a writer
    os.set_blocking(handle, True)

    def drain() -> None:
        with os.fdopen(handle, "rb") as reader:
            got.append(reader.read())

    thread = threading.Thread(target=drain)
    data = bytes(range(256)) * 4096  # more than a pipe holds
    check_place(fifo)
    # The reader starts once the writer has it open, or it would see the end at once.
    write = threading.Thread(target=write_whole, args=(fifo, data))
    keeper = os.open(fifo, os.O_WRONLY)
    thread.start()
    write.start()
    write.join(60)
    os.close(keeper)
    thread.join(60)
    assert got == [data] and stat.S_ISFIFO(fifo.lstat().st_mode)


def test_a_fifo_that_nobody_reads_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DataError, match="no program reads from it"):
        write_whole(tmp_path / "fifo", b"new")
    assert stat.S_ISFIFO((tmp_path / "fifo").lstat().st_mode)


def test_devices_are_written_into_and_stay(tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to("/dev/null")
    for path in (Path("/dev/null"), tmp_path / "null"):
        check_place(path)
        write_whole(path, b"gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode) and (tmp_path / "null").is_symlink()
    with pytest.raises(DataError, match="'/dev/full' cannot be written: No space left"):
        write_whole(Path("/dev/full"), b"new")


def test_a_socket_is_refused_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's whole path is bounded
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("here")
        with pytest.raises(DataError, match="it is a socket"):
            write_whole(tmp_path / "here", b"new")
    assert stat.S_ISSOCK((tmp_path / "here").stat().st_mode)


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes device nodes")
def test_a_block_device_is_refused_and_stays(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "disk", stat.S_IFBLK | 0o600, os.makedev(7, 255))
    except OSError:
        pytest.skip("no device nodes here")
    with pytest.raises(DataError, match="it is a block device"):
        write_whole(tmp_path / "disk", b"new")
    assert stat.S_ISBLK((tmp_path / "disk").stat().st_mode)


@pytest.mark.parametrize("into", ["pipe", "file"])
def test_what_is_open_as_output_gets_it_in_order(into: str, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from edgebnn.files import write_whole; print('before');"
        "write_whole(Path('/dev/stdout'), b'between\\n'); print('after')"
    )
    command = [sys.executable, "-c", code]
    if into == "pipe":
        shown = subprocess.run(command, capture_output=True, check=True).stdout
    else:
        with (tmp_path / "out").open("wb") as file:
            subprocess.run(command, stdout=file, check=True)
        shown = (tmp_path / "out").read_bytes()
    assert shown == b"before\nbetween\nafter\n"


def deployment(folder: Path) -> Path:
    (folder / "firmware").mkdir(parents=True)
    record = {"schema": 99, "provenance": {}, "files": {"weights.bin": "", "firmware/Makefile": ""}, "more": 1}
    (folder / "deployment.json").write_text(json.dumps(record))
    (folder / "weights.bin").write_bytes(b"weights")
    return folder


@pytest.mark.parametrize("name", ["deployment.json", "weights.bin", "firmware/Makefile", "firmware/../weights.bin"])
def test_a_file_of_a_deployment_is_never_replaced(name: str, tmp_path: Path) -> None:
    """Be it there or not, by whatever way it is named, and whatever version wrote the record."""
    folder = deployment(tmp_path / "out")
    (tmp_path / "link").symlink_to(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for path in (folder / name, tmp_path / "link" / name):
        with pytest.raises(DataError, match=r"it belongs to the deployment in '.*out'"):
            write_whole(path, b"new")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_file_beside_those_of_a_deployment_may_be_written(tmp_path: Path) -> None:
    folder = deployment(tmp_path / "out")
    for name in ("scores.npy", "firmware/notes.txt"):
        for data in (b"one", b"two"):
            write_whole(folder / name, data)
    (tmp_path / "deployment.json").write_text('{"deployment": "out", "files": 3}')
    write_whole(tmp_path / "deployment.json", b"a document that --json wrote")
