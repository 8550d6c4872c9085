"""A stranger's arrays: read whole, or refused in one sentence before anything is allocated."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgebnn.arrays import read_npy, read_npz
from edgebnn.errors import DataError

NUMBERS = st.one_of(arrays.integer_dtypes(), arrays.unsigned_integer_dtypes(), arrays.floating_dtypes())


def header(text: str, data: bytes = b"") -> bytes:
    encoded = text.encode("latin1") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(encoded).to_bytes(2, "little") + encoded + data


def with_header(shape: str, descr: str = "'<i4'") -> bytes:
    return header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}", bytes(64))


@given(values=arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=0, min_side=0)), fortran=st.booleans())
def test_what_numpy_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray, fortran: bool
) -> None:
    path = tmp_path_factory.mktemp("arrays") / "x.npy"
    np.save(path, np.asfortranarray(values) if fortran and values.ndim else values)
    read = read_npy(path)
    assert read.dtype == values.dtype and np.array_equal(read, values, equal_nan=True)
    np.savez_compressed(path.with_suffix(".npz"), x=values)
    assert np.array_equal(read_npz(path.with_suffix(".npz"), ["x"])["x"], values, equal_nan=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x09\x00",
        header("((((("),
        header("{'descr': '<i4'}"),
        header("__import__('os').system('true')"),
        with_header("(2,)", "'|V0'"),
        with_header("(2,)", "'<U0'"),
        with_header("(2,)", "'|O'"),
        with_header("(2,)", "'<U4'"),
        with_header("(2,)", "[('a', '<i4')]"),
        with_header(f"(0, {10**30})"),
        with_header("(True,)"),
        with_header("(-1,)"),
        with_header(f"({', '.join(['1'] * 65)})"),
        with_header(f"(0, {2**30}, {2**30}, {2**30})"),
        with_header("(1.5,)"),
        with_header("(1000000,)"),
        with_header(f"({10**12},)"),
        with_header("(100000, 100000, 100000)"),
    ],
)
def test_a_damaged_or_hostile_array_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.npy"):
        read_npy(tmp_path / "bad.npy")


def test_a_truncated_archive_is_one_sentence_wherever_it_is_cut(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=np.arange(1000))
    whole = buffer.getvalue()
    path = tmp_path / "bad.npz"
    for place in range(0, len(whole) - 1, 37):
        for damaged in (whole[:place], whole[:place] + b"\xff\xff\xff" + whole[place + 3 :]):
            path.write_bytes(damaged)
            try:
                read = read_npz(path, ["x"])
            except DataError as error:
                assert "bad.npz" in str(error)
            else:  # the damage hit a byte that nobody reads
                assert np.array_equal(read["x"], np.arange(1000))


def test_an_archive_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", with_header(f"({2**29},)"))
    with pytest.raises(DataError, match="at most"):
        read_npz(tmp_path / "bomb.npz", ["x"])


def bomb(method: int, claimed: int) -> bytes:
    """An archive whose member unpacks to 64 MiB of zeros, whatever it claims."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive, archive.open("x.npy", "w") as member:
        member.write(with_header(f"({2**24},)"))
        for _ in range(64):
            member.write(bytes(1 << 20))
    whole, size = buffer.getvalue(), archive.getinfo("x.npy").file_size
    return whole.replace(size.to_bytes(4, "little"), claimed.to_bytes(4, "little"))


@pytest.mark.parametrize("claimed", [1 << 10, 1 << 27])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_takes_no_more_memory_than_its_arrays_may(tmp_path: Path, method: int, claimed: int) -> None:
    (tmp_path / "bomb.npz").write_bytes(bomb(method, claimed))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"bomb\.npz"):
        read_npz(tmp_path / "bomb.npz", ["x"], most_bytes=1 << 22)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 24


def test_the_arrays_of_an_archive_are_bounded_together(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros(1 << 18), y=np.zeros(1 << 18), unread=np.zeros(1 << 20))
    assert read_npz(tmp_path / "x.npz", ["x"], ["y"], most_bytes=1 << 22)["y"].size == 1 << 18
    with pytest.raises(DataError, match="claims 4194560 bytes of arrays; at most 2097152"):
        read_npz(tmp_path / "x.npz", ["x"], ["y"], most_bytes=1 << 21)


def test_the_names_in_an_archive_are_bounded(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.npz", "w") as archive:
        for index in range(100):
            archive.writestr(f"{index:060000}.npy", b"")
    with pytest.raises(DataError, match="names too many arrays"):
        read_npz(tmp_path / "many.npz", ["x"])


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", z=np.zeros(3))
    with pytest.raises(DataError, match=r"no array 'x' \(it holds: z\)"):
        read_npz(tmp_path / "d.npz", ["x"])
