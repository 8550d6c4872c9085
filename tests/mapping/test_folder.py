"""A deployment folder is written whole or not at all, and a damaged one is recognised."""

from __future__ import annotations

import errno
from pathlib import Path

import msgspec
import pytest

from edgebnn.errors import DeploymentError
from edgebnn.files import write_synced
from edgebnn.mapping import folder as folder_module
from edgebnn.mapping.cells import cells_csv
from edgebnn.mapping.folder import check_folder, read_folder, write_folder
from edgebnn.mapping.memory_map import memory_map_json
from edgebnn.mapping.record import SCHEMA, Record, binary_files, encode, record_of, restore
from tests.mapping.test_planner import dense, mapped_on


def contents(neurons: int = 4) -> tuple[Record, dict[str, bytes]]:
    mapped = mapped_on(dense(40, neurons))
    files = {
        **binary_files(mapped),
        "memory_map.csv": cells_csv(mapped),
        "memory_map.json": memory_map_json(mapped),
        "firmware/src/model.c": b"/* model */\n",
    }
    return record_of(mapped, None, files), files


def tree(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    record, files = contents()
    write_folder(tmp_path / "out", record, files)
    again, read = read_folder(tmp_path / "out")
    assert encode(again) == encode(record) and read == files
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_deployment_may_be_replaced_by_another(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", *contents(4))
    record, files = contents(9)
    write_folder(tmp_path / "out", record, files)
    assert encode(read_folder(tmp_path / "out")[0]) == encode(record)


@pytest.mark.parametrize("name", ["notes.txt", "firmware/src/model.c"])
def test_a_users_own_file_in_the_folder_is_never_lost(tmp_path: Path, name: str) -> None:
    write_folder(tmp_path / "out", *contents())
    (tmp_path / "out" / name).write_bytes(b"mine")
    before = tree(tmp_path)
    with pytest.raises(DeploymentError, match="added or changed"):
        write_folder(tmp_path / "out", *contents(9))
    assert tree(tmp_path) == before


MADE = (
    "firmware/libmodel.a",
    "firmware/firmware.elf",
    "firmware/firmware-moon.elf",
    "firmware/build/src/model.o",
    "firmware/build/src/model.d",
    "firmware/build/board/moon/main.o",
)


def board_contents(neurons: int) -> tuple[Record, dict[str, bytes]]:
    _, files = contents(neurons)
    files["firmware/board/moon/main.c"] = b"/* board */\n"
    return record_of(mapped_on(dense(40, neurons)), None, files), files


def test_what_make_makes_does_not_keep_a_deployment_from_being_replaced(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", *board_contents(4))
    for name in MADE:
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_bytes(b"made")
    record, files = board_contents(9)
    write_folder(tmp_path / "out", record, files)
    assert tree(tmp_path / "out").keys() == {*files, "deployment.json"}


@pytest.mark.parametrize(
    "name",
    [
        "firmware/build/notes.txt",
        "firmware/build/src/mine.o",
        "firmware/build/src/model.o/notes.txt",
        "firmware/build/input.bin",
        "firmware/firmware-mars.elf",
        "firmware/firmware-moon.elf",
        "libmodel.a",
        "build/src/model.o",
    ],
)
def test_a_users_own_file_beside_what_make_makes_is_never_lost(tmp_path: Path, name: str) -> None:
    write_folder(tmp_path / "out", *contents())
    (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "out" / name).write_bytes(b"mine")
    before = tree(tmp_path)
    with pytest.raises(DeploymentError, match="added or changed"):
        write_folder(tmp_path / "out", *contents(9))
    assert tree(tmp_path) == before


def test_a_link_by_the_name_of_a_library_is_the_users(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", *contents())
    (tmp_path / "library").write_bytes(b"mine")
    (tmp_path / "out" / "firmware" / "libmodel.a").symlink_to(tmp_path / "library")
    with pytest.raises(DeploymentError, match=r"libmodel\.a' was added or changed"):
        write_folder(tmp_path / "out", *contents(9))


def test_a_folder_of_something_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(DeploymentError, match="not empty and holds no deployment"):
        write_folder(tmp_path / "out", *contents())
    assert tree(tmp_path) == {"out/thesis.tex": b"mine"}


def test_folders_of_the_user_are_not_taken_for_an_empty_place(tmp_path: Path) -> None:
    (tmp_path / "out" / "mine").mkdir(parents=True)
    with pytest.raises(DeploymentError, match="not empty"):
        write_folder(tmp_path / "out", *contents())
    write_folder(tmp_path / "other", *contents())
    (tmp_path / "other" / "mine").mkdir()
    with pytest.raises(DeploymentError, match="mine' was added or changed"):
        write_folder(tmp_path / "other", *contents())
    assert (tmp_path / "out" / "mine").is_dir() and (tmp_path / "other" / "mine").is_dir()


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for neurons in (4, 9):
        record, files = contents(neurons)
        write_folder(tmp_path / "link", record, files)
        assert (tmp_path / "link").is_symlink() and tree(tmp_path / "real") == tree(tmp_path / "link") != {}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "real"]


def test_a_folder_of_another_version_is_left_alone(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", *contents())
    path = tmp_path / "out" / "deployment.json"
    path.write_text(path.read_text().replace(f'"schema": {SCHEMA}', '"schema": 1', 1))
    with pytest.raises(DeploymentError, match="move it away"):
        write_folder(tmp_path / "out", *contents())


@pytest.mark.parametrize("writes", range(7))
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """The disk fills up after each single write in turn."""
    write_folder(tmp_path / "out", *contents(4))
    before = tree(tmp_path)
    left = [writes]

    def full(path: Path, data: bytes) -> None:
        if left[0] == 0:
            write_synced(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        left[0] -= 1
        write_synced(path, data)

    monkeypatch.setattr(folder_module, "write_synced", full)
    record, files = contents(9)
    if writes < len(files) + 1:
        with pytest.raises(DeploymentError, match="No space left"):
            write_folder(tmp_path / "out", record, files)
        assert tree(tmp_path) == before
    else:
        write_folder(tmp_path / "out", record, files)
        assert tree(tmp_path) != before


@pytest.mark.parametrize("others", [False, True])
def test_a_full_disk_leaves_no_folder_above_that_was_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: bool
) -> None:
    """But for one in which someone else put something meanwhile."""

    def full(path: Path, data: bytes) -> None:
        if others:
            (tmp_path / "new" / "note.txt").write_text("mine")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(folder_module, "write_synced", full)
    with pytest.raises(DeploymentError, match="No space left"):
        write_folder(tmp_path / "new" / "deep" / "out", *contents())
    assert [path.name for path in tmp_path.rglob("*")] == (["new", "note.txt"] if others else [])


@pytest.mark.parametrize("name", ["weights.bin", "network.bin", "memory_map.csv"])
def test_a_changed_file_is_recognised(tmp_path: Path, name: str) -> None:
    write_folder(tmp_path / "out", *contents())
    path = tmp_path / "out" / name
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DeploymentError, match="not the file that was written"):
        read_folder(tmp_path / "out")


@pytest.mark.parametrize("name", ["weights.bin", "network.bin", "memory_map.csv", "memory_map.json"])
def test_a_record_that_names_no_such_file_is_refused(tmp_path: Path, name: str) -> None:
    record, files = contents()
    files = {path: data for path, data in files.items() if path != name}
    record = msgspec.structs.replace(record, files={path: record.files[path] for path in files})
    write_folder(tmp_path / "out", record, files)
    with pytest.raises(DeploymentError, match=rf"deployment\.json' names no {name}; compile again"):
        read_folder(tmp_path / "out")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"schema": 99}', b"\xff\xfe"])
def test_a_damaged_record_is_one_sentence(tmp_path: Path, text: bytes) -> None:
    write_folder(tmp_path / "out", *contents())
    (tmp_path / "out" / "deployment.json").write_bytes(text)
    with pytest.raises(DeploymentError, match="compile again"):
        read_folder(tmp_path / "out")


def test_a_record_that_names_files_outside_is_refused(tmp_path: Path) -> None:
    record, files = contents()
    write_folder(tmp_path / "out", record, files)
    path = tmp_path / "out" / "deployment.json"
    path.write_text(path.read_text().replace("firmware/src/model.c", "../../etc/passwd"))
    with pytest.raises(DeploymentError, match="outside the folder"):
        read_folder(tmp_path / "out")


def test_offsets_in_a_record_are_not_trusted(tmp_path: Path) -> None:
    record, files = contents()
    write_folder(tmp_path / "out", record, files)
    path = tmp_path / "out" / "deployment.json"
    text = path.read_text()
    assert '"row_words": 2' in text
    path.write_text(text.replace('"work_bytes": 0', '"work_bytes": 4096'))
    changed, read = read_folder(tmp_path / "out")
    with pytest.raises(DeploymentError, match="does not follow from"):
        restore(changed, read, "out")


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    check_folder(tmp_path / "new" / "out")
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "circle").symlink_to("circle")
    for path in (tmp_path / "file", tmp_path / "file" / "out", tmp_path / "circle", Path("nul\0"), Path("/dev/null")):
        with pytest.raises(DeploymentError, match="choose another"):
            check_folder(path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["circle", "file"]
