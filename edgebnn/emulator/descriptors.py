"""The layer descriptors of `runtime/include/ebnn.h` and `runtime/host/ebnn_host.h` as ctypes sees them."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.errors import ToolError
from edgebnn.mapping.plan import (
    FORMATS,
    AddStage,
    AffineStage,
    CopyStage,
    Int8Stage,
    Layout,
    LinearStage,
    PoolStage,
    Stage,
    SumPoolStage,
    TakeStage,
    ThresholdStage,
    WindowPlan,
)
from edgebnn.native import library

_byte, _half, _word, _pointer = ctypes.c_uint8, ctypes.c_uint16, ctypes.c_uint32, ctypes.c_void_p
_integer, _size = ctypes.c_int32, ctypes.c_size_t


class TensorDescriptor(ctypes.Structure):
    """`ebnn_tensor`."""

    _fields_ = [("height", _word), ("width", _word), ("channels", _word), ("format", _byte), ("planes", _byte)]


class WindowDescriptor(ctypes.Structure):
    """`ebnn_window`."""

    _fields_ = [
        ("kernel_height", _half),
        ("kernel_width", _half),
        ("stride_y", _half),
        ("stride_x", _half),
        ("dilation_y", _half),
        ("dilation_x", _half),
        ("pad_top", _half),
        ("pad_left", _half),
    ]


class LinesDescriptor(ctypes.Structure):
    """`ebnn_lines`."""

    _fields_ = [
        ("multiplier", _pointer),
        ("offset", _pointer),
        ("shift", _pointer),
        ("first_exception", _pointer),
        ("exceptions", _pointer),
    ]


class StepsDescriptor(ctypes.Structure):
    """`ebnn_steps`."""

    _fields_ = [
        ("thresholds", _pointer),
        ("directions", _pointer),
        ("steps", _word),
        ("low", _integer),
        ("step", _integer),
        ("lines", _pointer),
    ]


class BorderDescriptor(ctypes.Structure):
    """`ebnn_border`."""

    _fields_ = [("rows", _pointer), ("columns", _pointer), ("start", _pointer), ("shift", _word)]


class LinearDescriptor(ctypes.Structure):
    """`ebnn_linear_layer`."""

    _fields_ = [
        ("input", TensorDescriptor),
        ("output", TensorDescriptor),
        ("window", WindowDescriptor),
        ("pad_value", _integer),
        ("groups", _word),
        ("row_words", _word),
        ("sign", _pointer),
        ("nonzero", _pointer),
        ("steps", StepsDescriptor),
        ("banks", _pointer),
        ("border", _pointer),
    ]


class ListsDescriptor(ctypes.Structure):
    """`ebnn_lists`."""

    _fields_ = [
        ("rows", _pointer),
        ("limits", _pointer),
        ("zones_y", _pointer),
        ("zones_x", _pointer),
        ("inputs", _word),
        ("input_rows", _word),
        ("planes", _word),
        ("bytes", _word),
        ("totals", _pointer),
    ]


class PanelsDescriptor(ctypes.Structure):
    """`ebnn_panels_layer`."""

    _fields_ = [
        ("layer", LinearDescriptor),
        ("plus", _pointer),
        ("minus", _pointer),
        ("totals", _pointer),
        ("lists", _pointer),
    ]


class PooledDescriptor(ctypes.Structure):
    """`ebnn_pooled`."""

    _fields_ = [("height", ctypes.c_uint16), ("width", ctypes.c_uint16), ("directions", _pointer)]


class ActiveDescriptor(ctypes.Structure):
    """`ebnn_active_layer`."""

    _fields_ = [
        ("input", TensorDescriptor),
        ("output", TensorDescriptor),
        ("window", WindowDescriptor),
        ("pad_value", _integer),
        ("lister", _pointer),
        ("planes", _word),
        ("strip", _word),
        ("sum_planes", _word),
        ("plus", _pointer),
        ("not_minus", _pointer),
        ("missing", _pointer),
        ("place_planes", _word),
        ("limits", _pointer),
        ("totals", _pointer),
        ("steps", StepsDescriptor),
        ("border", _pointer),
        ("pooled", PooledDescriptor),
    ]


class HalvesDescriptor(ctypes.Structure):
    """`ebnn_halves_layer`."""

    _fields_ = [
        ("linear", LinearDescriptor),
        ("sum_planes", _word),
        ("limits", _pointer),
        ("pooled", PooledDescriptor),
    ]


class SubsetsDescriptor(ctypes.Structure):
    """`ebnn_subsets_layer`."""

    _fields_ = [
        ("input", TensorDescriptor),
        ("output", TensorDescriptor),
        ("window", WindowDescriptor),
        ("pad_value", _integer),
        ("groups", _word),
        ("lanes", _word),
        ("strip", _word),
        ("together", _word),
        ("plus", _pointer),
        ("not_minus", _pointer),
        ("limits", _pointer),
        ("turned", _pointer),
        ("steps", StepsDescriptor),
        ("border", _pointer),
        ("pooled", PooledDescriptor),
    ]


class SensedDescriptor(ctypes.Structure):
    """`ebnn_sensed_layer`."""

    _fields_ = [("layer", LinearDescriptor), ("sensing", _pointer)]


class DifferenceDescriptor(ctypes.Structure):
    """`ebnn_difference_layer`."""

    _fields_ = [
        ("layer", LinearDescriptor),
        ("sums", _pointer),
        ("columns", _pointer),
        ("outputs", _pointer),
        ("inputs", _pointer),
        ("weights", _pointer),
        ("wrong", _pointer),
        ("open", _pointer),
        ("sensing", _pointer),
        ("wrong_count", ctypes.c_uint64),
        ("open_count", ctypes.c_uint64),
        ("samples", ctypes.c_uint64),
        ("column_bytes", _word),
        ("unused", _word),
    ]


class SlicedDescriptor(ctypes.Structure):
    """`ebnn_sliced_layer`."""

    _fields_ = [
        ("layer", LinearDescriptor),
        *((name, _pointer) for name in ("rows", "limits", "near_limits", "inputs", "columns", "wrong")),
        *((name, ctypes.c_uint64) for name in ("wrong_count", "samples")),
        *((name, _word) for name in ("input_rows", "planes", "change_planes", "bytes", "most_change", "unused")),
    ]


class Int8Descriptor(ctypes.Structure):
    """`ebnn_int8_layer`."""

    _fields_ = [
        ("input", TensorDescriptor),
        ("output", TensorDescriptor),
        ("window", WindowDescriptor),
        ("pad_value", _integer),
        ("groups", _word),
        ("weights", _pointer),
        ("steps", StepsDescriptor),
        ("border", _pointer),
    ]


class ThresholdDescriptor(ctypes.Structure):
    """`ebnn_threshold_layer`."""

    _fields_ = [("input", TensorDescriptor), ("output", TensorDescriptor), ("steps", StepsDescriptor)]


class PoolDescriptor(ctypes.Structure):
    """`ebnn_pool_layer`."""

    _fields_ = [
        ("input", TensorDescriptor),
        ("output", TensorDescriptor),
        ("window", WindowDescriptor),
        ("directions", _pointer),
    ]


class AffineDescriptor(ctypes.Structure):
    """`ebnn_affine_layer`."""

    _fields_ = [
        ("input", TensorDescriptor),
        ("output", TensorDescriptor),
        ("segments", _word),
        ("shift", _word),
        ("multiplier", _pointer),
        ("offset", _pointer),
        ("knees", _pointer),
    ]


class AddDescriptor(ctypes.Structure):
    """`ebnn_add_layer`."""

    _fields_ = [("input", TensorDescriptor), ("other", TensorDescriptor), ("output", TensorDescriptor)]


class CopyDescriptor(ctypes.Structure):
    """`ebnn_copy_layer`."""

    _fields_ = [("input", TensorDescriptor), ("output", TensorDescriptor), ("first_channel", _word)]


class TakeDescriptor(ctypes.Structure):
    """`ebnn_take_layer`."""

    _fields_ = [
        ("input", TensorDescriptor),
        ("output", TensorDescriptor),
        ("channels", _pointer),
        ("rows", _pointer),
        ("columns", _pointer),
    ]


class HostStep(ctypes.Structure):
    """`ebnn_host_step`."""

    _fields_ = [
        ("layer", _pointer),
        ("source_offset", _size),
        ("other_offset", _size),
        ("target_offset", _size),
        ("kind", _byte),
        ("source_base", _byte),
        ("other_base", _byte),
        ("target_base", _byte),
    ]


Descriptor = (
    PanelsDescriptor
    | SensedDescriptor
    | DifferenceDescriptor
    | SlicedDescriptor
    | ThresholdDescriptor
    | PoolDescriptor
    | AffineDescriptor
    | Int8Descriptor
    | AddDescriptor
    | CopyDescriptor
    | TakeDescriptor
)

# The stage of each `ebnn_host_kind`, in the order of the C enumeration, and its descriptor.
KINDS: tuple[tuple[type[Stage], type[Descriptor]], ...] = (
    (LinearStage, PanelsDescriptor),
    (ThresholdStage, ThresholdDescriptor),
    (PoolStage, PoolDescriptor),
    (AffineStage, AffineDescriptor),
    (Int8Stage, Int8Descriptor),
    (SumPoolStage, PoolDescriptor),
    (AddStage, AddDescriptor),
    (CopyStage, CopyDescriptor),
    (TakeStage, TakeDescriptor),
)
# The kind behind them: a LinearStage whose weights are read off a chip with errors.
SENSED = len(KINDS)
# One whose sums are those of a known run but for what differs, and one whose answers are, in bit slices.
DIFFERENCE = SENSED + 1
SLICED = SENSED + 2


@cache
def host_library() -> ctypes.CDLL:
    """The runtime's library with the batch executor declared; ToolError where its structs are not the ones above."""
    native = library()
    native.ebnn_host_descriptor_bytes.restype = _size
    native.ebnn_host_descriptor_bytes.argtypes = [_word]
    native.ebnn_host_work_bytes.restype = _size
    native.ebnn_host_work_bytes.argtypes = [_pointer, _word, _size]
    native.ebnn_host_list_bytes.restype = _word
    native.ebnn_host_list_bytes.argtypes = []
    native.ebnn_host_sums_by_lists.restype = _integer
    native.ebnn_host_sums_by_lists.argtypes = []
    native.ebnn_host_has_kernel.restype = _integer
    native.ebnn_host_has_kernel.argtypes = [ctypes.c_int]
    native.ebnn_host_run.restype = _integer
    native.ebnn_host_run.argtypes = [
        *(_pointer, _word),
        *(_pointer, _size),
        *(_pointer, _size),
        *(_pointer, _size),
        ctypes.c_uint64,
        ctypes.c_int,
    ]
    native.ebnn_sliced_rows.restype = native.ebnn_sliced_turn_rows.restype = None
    native.ebnn_sliced_limits_of.restype = native.ebnn_sliced_near_limits_of.restype = None
    native.ebnn_sliced_rows.argtypes = [_pointer, _pointer, _pointer]
    native.ebnn_sliced_turn_rows.argtypes = [_pointer, _pointer]
    native.ebnn_sliced_limits_of.argtypes = [_pointer, _pointer, _size, _pointer]
    native.ebnn_sliced_near_limits_of.argtypes = [_pointer, _pointer, _size, _pointer]
    on_chips = SensedDescriptor, DifferenceDescriptor, SlicedDescriptor
    structs = (*(descriptor for _, descriptor in KINDS), *on_chips, HostStep)
    for kind, struct in enumerate(structs):
        if native.ebnn_host_descriptor_bytes(kind) != ctypes.sizeof(struct):
            raise ToolError("the compiled runtime is of another version than edgebnn; install edgebnn again")
    return native


def describe_tensor(layout: Layout) -> TensorDescriptor:
    """A layout as the runtime wants it."""
    code = FORMATS.index(layout.format)
    return TensorDescriptor(layout.height, layout.width, layout.channels, code, layout.planes)


def describe_window(window: WindowPlan) -> WindowDescriptor:
    """A window as the runtime wants it."""
    return WindowDescriptor(*window.kernel, *window.stride, *window.dilation, *window.pad)


def address(array: npt.NDArray[Any] | None) -> int | None:
    """Where an array's data lie; it must stay alive as long as C works on it. None is the NULL pointer."""
    if array is None:
        return None
    assert array.flags.c_contiguous, "C reads arrays without gaps"
    return array.ctypes.data


def as_words(values: npt.NDArray[np.generic], dtype: type[np.generic]) -> npt.NDArray[Any]:
    """A contiguous copy in the machine's byte order."""
    return np.array(values, dtype=dtype, order="C")
