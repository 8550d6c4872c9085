"""Tensors of an ONNX file as NumPy arrays, checked before anything is allocated."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from math import prod
from pathlib import Path

import numpy as np
from onnx import TensorProto, numpy_helper

from edgebnn.errors import ModelError
from edgebnn.frontend.graph import Array
from edgebnn.frontend.problems import printable

MAX_ELEMENTS = 2**27
MAX_BYTES = 2**29

# Element types that are read: NumPy's name and the field of a TensorProto that holds them where there are no raw bytes.
_TYPES: dict[int, tuple[str, str]] = {
    TensorProto.FLOAT: ("float32", "float_data"),
    TensorProto.DOUBLE: ("float64", "double_data"),
    TensorProto.FLOAT16: ("float16", "int32_data"),
    TensorProto.INT8: ("int8", "int32_data"),
    TensorProto.UINT8: ("uint8", "int32_data"),
    TensorProto.INT16: ("int16", "int32_data"),
    TensorProto.UINT16: ("uint16", "int32_data"),
    TensorProto.INT32: ("int32", "int32_data"),
    TensorProto.INT64: ("int64", "int64_data"),
    TensorProto.UINT32: ("uint32", "uint64_data"),
    TensorProto.UINT64: ("uint64", "uint64_data"),
    TensorProto.BOOL: ("bool", "int32_data"),
}


def dtype_name(data_type: int) -> str | None:
    """NumPy's name of an ONNX element type, or None for one that is not read here."""
    return _TYPES[data_type][0] if data_type in _TYPES else None


class TensorReader:
    """Reads the tensors of one model; `folder` is the only place that external data may lie in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes = 0
        self._external: set[Path] = set()

    def array(self, tensor: TensorProto, name: str) -> Array:
        """The tensor; ModelError where its size contradicts its data, or where it holds NaN."""
        name = printable(name)
        shape, dtype = self._claimed(tensor, name)
        if tensor.data_location == TensorProto.EXTERNAL:
            array: Array = np.frombuffer(self._external_bytes(tensor, name, prod(shape) * dtype.itemsize), dtype)
            array = array.reshape(shape)
        else:
            self._check_length(tensor, name, prod(shape), dtype)
            array = numpy_helper.to_array(tensor)
        if array.dtype.kind == "f":
            _check_finite(array, name)
        return array

    def external_hashes(self) -> Iterator[str]:
        """SHA-256 of each file of external data that was read, in the order of their names."""
        for path in sorted(self._external):
            with path.open("rb") as file:
                digest = sha256()
                while block := file.read(2**20):
                    digest.update(block)
            yield digest.hexdigest()

    def _claimed(self, tensor: TensorProto, name: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
        known = dtype_name(tensor.data_type)
        if known is None:
            raise ModelError(
                f"tensor '{name}' has the element type {tensor.data_type}, which is not read; export it as float32"
            )
        shape, dtype = tuple(tensor.dims), np.dtype(known)
        if any(extent < 0 for extent in shape):
            raise ModelError(f"tensor '{name}' has a negative extent; the file is damaged, export the model again")
        self._bytes += prod(shape) * dtype.itemsize
        if prod(shape) > MAX_ELEMENTS or self._bytes > MAX_BYTES:
            raise ModelError(
                f"tensor '{name}' of shape {list(shape)[:8]} takes the model's weights over {MAX_BYTES // 2**20} MiB; "
                "use a smaller model"
            )
        return shape, dtype

    def _check_length(self, tensor: TensorProto, name: str, elements: int, dtype: np.dtype[np.generic]) -> None:
        if tensor.HasField("segment"):
            raise ModelError(f"tensor '{name}' is stored in segments, which are not read; export the model again")
        if tensor.HasField("raw_data"):
            stored, wanted, unit = len(tensor.raw_data), elements * dtype.itemsize, "bytes"
        else:
            stored, wanted, unit = len(getattr(tensor, _TYPES[tensor.data_type][1])), elements, "elements"
        if stored != wanted:
            raise ModelError(
                f"tensor '{name}' of shape {list(tensor.dims)[:8]} should hold {wanted} {unit} but holds {stored}; "
                "the file is damaged, export the model again"
            )

    def _external_bytes(self, tensor: TensorProto, name: str, wanted: int) -> bytes:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        path = self._inside(entries.get("location", ""), name)
        offset = _whole_number(entries.get("offset", "0"), name)
        length = _whole_number(entries.get("length", str(wanted)), name)
        if length != wanted or offset + length > path.stat().st_size:
            raise ModelError(
                f"tensor '{name}' should hold {wanted} bytes, which its external data do not; export the model again"
            )
        self._external.add(path)
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def _inside(self, location: str, name: str) -> Path:
        """The file of external data, which must lie in the model's folder after every link has been followed."""
        remedy = "keep the data in one file beside the model"
        parts = location.replace("\\", "/").split("/")
        if not location or "\0" in location or location.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise ModelError(
                f"tensor '{name}' has its data in '{printable(location)}', outside the model's folder; {remedy}"
            )
        path = (self._folder / location).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise ModelError(
                f"tensor '{name}' has its data in '{printable(location)}', a link out of the model's folder; {remedy}"
            )
        if not path.is_file():
            raise ModelError(f"tensor '{name}' has its data in '{printable(location)}', which is not there; {remedy}")
        return path


def _whole_number(text: str, name: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise ModelError(f"tensor '{name}' has a bad offset or length of external data; export the model again")
    return int(text)


def _check_finite(array: Array, name: str) -> None:
    # A single infinity can be the bound of a clip or the padding of a pool; it is checked where it is used. In
    # arrays of weights, neither NaN (which a comparison would turn into a weight in silence) nor infinity has a place.
    if np.isnan(array).any() or (array.size > 1 and np.isinf(array).any()):
        raise ModelError(f"tensor '{name}' holds NaN or infinity; the training or the file went wrong, export it again")
