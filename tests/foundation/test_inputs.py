"""What a user names as input is a file that is read, or one sentence at once: nothing waits or is unbounded."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebnn.arrays import read_npy, read_npz
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.measured.files import read_measured
from edgebnn.chip.target_files.loading import load_target
from edgebnn.errors import DataError, DeploymentError, EdgeBNNError
from edgebnn.frontend import read_network
from edgebnn.inputs import input_inside, open_input, read_input
from edgebnn.mapping.folder import read_folder, write_folder
from edgebnn.places import RECORD, check_place
from tests.frontend.onnx_models import dense
from tests.mapping.test_folder import contents


def deployment_of(path: Path) -> None:
    """A deployment one of whose files is `path`."""
    folder = path.parent / "out"
    write_folder(folder, *contents())
    (folder / "memory_map.csv").unlink()
    os.link(path, folder / "memory_map.csv", follow_symlinks=False)
    read_folder(folder)


def external_data_in(path: Path) -> None:
    """A model whose weights lie in `path`."""
    proto = dense().proto()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = tensor.EXTERNAL
    tensor.external_data.add(key="location", value=path.name)
    (path.parent / "model.onnx").write_bytes(proto.SerializeToString())
    read_network(path.parent / "model.onnx")


DOORS: list[Callable[[Path], object]] = [
    read_npy,
    lambda path: read_npz(path, ["x"]),
    ChipInstance.load,
    read_measured,
    lambda path: load_target(str(path)),
    read_network,
    external_data_in,
    deployment_of,
]


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


KINDS: list[Callable[[Path], None]] = [os.mkfifo, loop, sparse, Path.mkdir]


@pytest.mark.parametrize(
    ("door", "make"),  # a folder, the last one, has no second name that a deployment could have for it
    [(door, make) for door in DOORS for make in KINDS[: 3 if door is deployment_of else 4]],
)
def test_what_is_no_file_of_a_sensible_size_is_one_sentence(
    tmp_path: Path, door: Callable[[Path], object], make: Callable[[Path], None]
) -> None:
    make(tmp_path / "input.toml")
    with pytest.raises(EdgeBNNError, match=r"(input\.toml|memory_map\.csv)") as caught:
        door(tmp_path / "input.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", KINDS)
def test_what_only_has_the_name_of_a_record_makes_no_deployment(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """Before a file is written, records in the folders around it are read through the same door."""
    make(tmp_path / RECORD)
    check_place(tmp_path / "x.json")


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "\ud800", "none/x"])
@pytest.mark.parametrize("door", DOORS[:6])
def test_a_name_that_no_file_has_is_one_sentence(tmp_path: Path, door: Callable[[Path], object], name: str) -> None:
    with pytest.raises(EdgeBNNError):
        door(tmp_path / f"{name}.toml")


def test_a_device_is_not_opened() -> None:
    with pytest.raises(DataError, match="'/dev/zero' is a device, and only a file is read"):
        read_input(Path("/dev/zero"), 10)


def test_a_file_at_the_bound_is_read_and_one_above_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(10))
    assert read_input(tmp_path / "x", 10) == bytes(10)
    with pytest.raises(DataError, match=r"x' has 10 bytes, more than the 9 that are read; check the path"):
        read_input(tmp_path / "x", 9)


def test_an_error_of_another_file_is_not_said_of_this_one(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(FileNotFoundError), open_input(tmp_path / "x", 1):
        (tmp_path / "y").read_bytes()


@pytest.mark.parametrize("name", ["../x", "loop/x", "a\0b", "\ud800", "out/x"])
def test_a_strangers_file_names_none_outside_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    loop(folder / "loop")
    (folder / "out").symlink_to(tmp_path)
    (tmp_path / "x").touch()
    with pytest.raises(DeploymentError, match=r"^it (is no file|lies outside the folder|cannot be read: .*); mend it$"):
        path = input_inside(folder, name, DeploymentError, called="it", remedy="mend it")
        read_input(path, 10, DeploymentError, called="it", remedy="mend it")


def test_the_files_of_a_deployment_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, files = contents()
    write_folder(tmp_path / "out", record, files)
    monkeypatch.setattr("edgebnn.mapping.folder.MAX_FOLDER_BYTES", sum(map(len, files.values())))
    read_folder(tmp_path / "out")
    monkeypatch.setattr("edgebnn.mapping.folder.MAX_FOLDER_BYTES", sum(map(len, files.values())) - 1)
    with pytest.raises(DeploymentError, match="more than the"):
        read_folder(tmp_path / "out")
    with pytest.raises(DeploymentError, match="use a smaller network"):
        write_folder(tmp_path / "new", record, files)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("filler", [b"[],", b"{},"])
def test_a_record_of_countless_lists_is_refused_unread(tmp_path: Path, filler: bytes) -> None:
    write_folder(tmp_path / "out", *contents())
    path = tmp_path / "out" / "deployment.json"
    path.write_bytes(path.read_bytes().replace(b'"nodes": [', b'"nodes": [' + filler * (1 << 21), 1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DeploymentError, match="compile again"):
        read_folder(tmp_path / "out")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
