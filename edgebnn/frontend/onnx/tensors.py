"""Tensors of an ONNX file as NumPy arrays, checked before anything is allocated."""

from __future__ import annotations

import os
import re
from hashlib import file_digest
from io import BufferedReader
from math import prod
from pathlib import Path

import numpy as np
from onnx import TensorProto, numpy_helper

from edgebnn.errors import ModelError
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.problems import printable
from edgebnn.inputs import input_inside, open_input

MAX_TENSOR_ELEMENTS = 2**27
MAX_WEIGHT_BYTES = 2**29
MAX_EXTERNAL_BYTES = 2**30  # of all files of external data, which may hold more than the model's tensors

_BESIDE = "keep the data in one file beside the model"
_MOST_AXES = 8

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

# Integers of less than a byte: the name of the NumPy type that onnx reads them as, and their bits. They stay of that
# type, whose range a quantiser needs; in memory each takes a byte.
_NARROW: dict[int, tuple[str, int]] = {
    getattr(TensorProto, name): (name.lower(), bits)
    for name, bits in (("INT4", 4), ("UINT4", 4), ("INT2", 2), ("UINT2", 2))
    if hasattr(TensorProto, name)
}


def dtype_name(data_type: int) -> str | None:
    """NumPy's name of an ONNX element type, or None for one that is not read here, or for constants alone."""
    return _TYPES[data_type][0] if data_type in _TYPES else None


def whole_range(name: str) -> tuple[int, int] | None:
    """The lowest and the highest value of an integer type by its NumPy name; None for any other type."""
    match = re.fullmatch(r"(u?)int(2|4|8|16|32|64)", name)
    if match is None:
        return None
    bits = int(match[2])
    return (0, 2**bits - 1) if match[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


class TensorReader:
    """Reads the tensors of one model; `folder` is the only place that external data may lie in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes = 0
        self._external: dict[Path, str] = {}
        self._external_size = 0

    def array(self, tensor: TensorProto, name: str) -> Array:
        """The tensor; ModelError where its size contradicts its data, or where it holds NaN.

        Data from another file are put into the tensor itself.
        """
        name = printable(name)
        shape = self._claimed(tensor, name)
        stored = _stored_bytes(tensor.data_type, prod(shape))
        if tensor.data_location == TensorProto.EXTERNAL:
            data = self._external_bytes(tensor, name, stored)
            tensor.CopyFrom(TensorProto(name=tensor.name, dims=shape, data_type=tensor.data_type, raw_data=data))
        _check_length(tensor, name, prod(shape), stored)
        array: Array = numpy_helper.to_array(tensor)
        if array.dtype.kind == "f":
            _check_finite(array, name)
        return array

    def external_hashes(self) -> list[str]:
        """SHA-256 of each file of external data that was read, in the order of their names."""
        return [digest for _, digest in sorted(self._external.items())]

    def _claimed(self, tensor: TensorProto, name: str) -> tuple[int, ...]:
        """The tensor's shape; ModelError where it is of no type that is read, or larger than what is left."""
        if tensor.data_type not in _TYPES and tensor.data_type not in _NARROW:
            raise ModelError(
                f"tensor '{name}' has the element type {tensor.data_type}, which is not read; export it as float32"
            )
        shape = tuple(tensor.dims)
        if len(shape) > _MOST_AXES:
            raise ModelError(f"tensor '{name}' has {len(shape)} axes, and up to {_MOST_AXES} are read; use fewer")
        if any(extent < 0 for extent in shape):
            raise ModelError(f"tensor '{name}' has a negative extent; the file is damaged, export the model again")
        self._bytes += prod(shape) * (_itemsize(tensor.data_type) if tensor.data_type in _TYPES else 1)
        if prod(shape) > MAX_TENSOR_ELEMENTS or self._bytes > MAX_WEIGHT_BYTES:
            raise ModelError(
                f"tensor '{name}' of shape {list(shape)[:8]} takes the model's weights over "
                f"{MAX_WEIGHT_BYTES // 2**20} MiB; use a smaller model"
            )
        return shape

    def _external_bytes(self, tensor: TensorProto, name: str, wanted: int) -> bytes:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        called = f"tensor '{name}' has its data in '{printable(location)}', which"
        offset = _whole_number(entries.get("offset", "0"), name)
        length = _whole_number(entries.get("length", str(wanted)), name)
        path = self._inside(location, called)
        with open_input(path, MAX_EXTERNAL_BYTES, ModelError, called=called, remedy=_BESIDE) as file:
            self._note(path, file)
            file.seek(offset)
            data = file.read(length) if length == wanted else b""
        if len(data) != wanted:
            raise ModelError(
                f"tensor '{name}' should hold {wanted} bytes, which its external data do not; export the model again"
            )
        return data

    def _note(self, path: Path, file: BufferedReader) -> None:
        """The file's hash, once for each file; ModelError where all of them are larger than they may be."""
        if path in self._external:
            return
        self._external_size += os.fstat(file.fileno()).st_size
        if self._external_size > MAX_EXTERNAL_BYTES:
            raise ModelError(f"the files of external data have more than {MAX_EXTERNAL_BYTES} bytes; {_BESIDE}")
        self._external[path] = file_digest(file, "sha256").hexdigest()

    def _inside(self, location: str, called: str) -> Path:
        """The file of external data, which must lie in the model's folder after every link has been followed."""
        parts = location.replace("\\", "/").split("/")
        if not location or location.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise ModelError(f"{called} lies outside the folder; {_BESIDE}")
        return input_inside(self._folder, location, ModelError, called=called, remedy=_BESIDE)


def _itemsize(data_type: int) -> int:
    return np.dtype(_TYPES[data_type][0]).itemsize


def _stored_bytes(data_type: int, elements: int) -> int:
    """Bytes that so many elements take in a file; those of less than a byte are packed, the last one filled up."""
    if data_type in _NARROW:
        return -(-elements * _NARROW[data_type][1] // 8)
    return elements * _itemsize(data_type)


def _check_length(tensor: TensorProto, name: str, elements: int, stored_bytes: int) -> None:
    if tensor.HasField("segment"):
        raise ModelError(f"tensor '{name}' is stored in segments, which are not read; export the model again")
    if tensor.HasField("raw_data"):
        stored, wanted, unit = len(tensor.raw_data), stored_bytes, "bytes"
    elif tensor.data_type in _NARROW:
        stored, wanted, unit = len(tensor.int32_data), stored_bytes, "packed elements"
    else:
        stored, wanted, unit = len(getattr(tensor, _TYPES[tensor.data_type][1])), elements, "elements"
    if stored != wanted:
        raise ModelError(
            f"tensor '{name}' of shape {list(tensor.dims)[:8]} should hold {wanted} {unit} but holds {stored}; "
            "the file is damaged, export the model again"
        )


def _whole_number(text: str, name: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise ModelError(f"tensor '{name}' has a bad offset or length of external data; export the model again")
    return int(text)


def _check_finite(array: Array, name: str) -> None:
    # A single infinity can be the bound of a clip or the padding of a pool; it is checked where it is used. In
    # arrays of weights, neither NaN (which a comparison would turn into a weight in silence) nor infinity has a place.
    if np.isnan(array).any() or (array.size > 1 and np.isinf(array).any()):
        raise ModelError(f"tensor '{name}' holds NaN or infinity; the training or the file went wrong, export it again")
