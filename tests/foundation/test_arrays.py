"""A stranger's arrays: read whole, or refused in one sentence before anything is allocated."""

from __future__ import annotations

import io
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


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", z=np.zeros(3))
    with pytest.raises(DataError, match=r"no array 'x' \(it holds: z\)"):
        read_npz(tmp_path / "d.npz", ["x"])
