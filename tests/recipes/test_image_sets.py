"""Sets of images: IDX and .npz say the same, and what is unsound in either is one sentence."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from edgebnn.errors import DataError
from edgebnn.recipes.idx import read_idx
from edgebnn.recipes.image_sets import Images, ImageSet


def idx_bytes(array: npt.NDArray[np.uint8]) -> bytes:
    """As the format's page has it."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@given(
    array=arrays_of.arrays(np.uint8, arrays_of.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)),
    packed=st.booleans(),
)
def test_an_idx_file_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, array: npt.NDArray[np.uint8], packed: bool
) -> None:
    path = tmp_path_factory.mktemp("idx") / "images"
    path.write_bytes(gzip.compress(idx_bytes(array), mtime=0) if packed else idx_bytes(array))
    found = read_idx(path)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, array)


@given(data=st.data())
def test_a_damaged_idx_file_is_one_sentence(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Cut anywhere, longer than it says, or with other bytes in its header: an array of its own size, or DataError."""
    whole = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    path = tmp_path_factory.mktemp("idx") / "images"
    if data.draw(st.booleans(), "packed"):
        whole = gzip.compress(whole, mtime=0)
    octets = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3), "bytes changed")):
        octets[data.draw(st.integers(0, min(20, len(octets)) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(octets[: data.draw(st.integers(0, len(octets)), "length")])
    try:
        assert read_idx(path).size <= 24
    except DataError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "no IDX file"),
        (struct.pack(">HBBI", 0, 13, 1, 1) + b"\0\0\0\0", "type 13"),
        (struct.pack(">HBB", 0, 8, 0), "0 axes"),
        (struct.pack(">HBB3I", 0, 8, 3, 1 << 31, 1 << 31, 0), "claims"),
        (struct.pack(">HBBI", 0, 8, 1, 1 << 30), "cut short"),
        (struct.pack(">HBBI", 0, 8, 1, 2) + b"abc", "more than the 2 bytes"),
        (gzip.compress(struct.pack(">HBBI", 0, 8, 1, 2) + bytes(1 << 24), mtime=0), "more than the 2 bytes"),
        (gzip.compress(struct.pack(">HBBI", 0, 8, 1, 2) + b"ab", mtime=0)[:-6], "damaged"),
    ],
)
def test_what_is_no_idx_file_says_why(tmp_path: Path, octets: bytes, reason: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(octets)
    with pytest.raises(DataError, match=reason):
        read_idx(path)


def _parts() -> tuple[Images, Images]:
    draw = np.random.default_rng(5)
    return tuple(
        Images(draw.integers(0, 256, (n, 4, 3), np.uint8), draw.integers(0, 10, n).astype(np.int64)) for n in (7, 3)
    )  # type: ignore[return-value]


def test_idx_and_npz_are_the_same_set(tmp_path: Path) -> None:
    parts = dict(zip(("train", "test"), _parts(), strict=True))
    (tmp_path / "npz").mkdir()
    (tmp_path / "idx").mkdir()
    for name, other in (("train", "train"), ("test", "t10k")):
        part = parts[name]
        np.savez(tmp_path / "npz" / f"{name}.npz", x=part.x, y=part.y.astype(np.uint8))
        (tmp_path / "idx" / f"{other}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(part.x), mtime=0))
        (tmp_path / "idx" / f"{other}-labels-idx1-ubyte").write_bytes(idx_bytes(part.y.astype(np.uint8)))
    for folder in ("npz", "idx"):
        found = ImageSet.read(tmp_path / folder)
        for read, written in ((found.train, parts["train"]), (found.test, parts["test"])):
            np.testing.assert_array_equal(read.x, written.x)
            np.testing.assert_array_equal(read.y, written.y)
        assert found.classes == max(part.y.max() for part in parts.values()) + 1


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"x": np.zeros((2, 3, 3), np.float32), "y": np.zeros(2, np.uint8)}, "uint8"),
        ({"x": np.zeros((2, 9), np.uint8), "y": np.zeros(2, np.uint8)}, "uint8"),
        ({"x": np.zeros((0, 3, 3), np.uint8), "y": np.zeros(0, np.uint8)}, "uint8"),
        ({"x": np.zeros((2, 3, 3), np.uint8), "y": np.zeros(3, np.uint8)}, "labels"),
        ({"x": np.zeros((2, 3, 3), np.uint8), "y": np.zeros(2, np.float32)}, "labels"),
        ({"x": np.zeros((2, 3, 3), np.uint8), "y": np.array([0, -1])}, "label -1"),
        ({"x": np.zeros((2, 3, 3), np.uint8), "y": np.array([0, 70000])}, "label 70000"),
    ],
)
def test_what_is_no_set_of_images_says_why(
    tmp_path: Path, arrays: dict[str, npt.NDArray[np.generic]], reason: str
) -> None:
    np.savez(tmp_path / "train.npz", **arrays)
    with pytest.raises(DataError, match=reason):
        ImageSet.read(tmp_path)


def test_both_parts_have_images_of_one_size(tmp_path: Path) -> None:
    for name, side in (("train", 3), ("test", 4)):
        np.savez(tmp_path / f"{name}.npz", x=np.zeros((2, side, side), np.uint8), y=np.zeros(2, np.uint8))
    with pytest.raises(DataError, match="one set"):
        ImageSet.read(tmp_path)


def test_a_folder_without_images_names_what_it_wants(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="train-images-idx3-ubyte"):
        ImageSet.read(tmp_path)
    with pytest.raises(DataError, match="no folder"):
        ImageSet.read(tmp_path / "none")


def test_the_real_digits(shared_data: Path) -> None:
    found = ImageSet.read(shared_data / "mnist")
    assert found.train.x.shape == (60_000, 28, 28)
    assert found.classes == 10
