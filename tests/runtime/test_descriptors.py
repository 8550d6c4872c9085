"""Descriptors that contradict themselves are refused before a byte is read or written."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest

from edgebnn.emulator.descriptors import (
    ActiveDescriptor,
    AddDescriptor,
    AffineDescriptor,
    CopyDescriptor,
    HalvesDescriptor,
    Int8Descriptor,
    LinearDescriptor,
    PoolDescriptor,
    StepsDescriptor,
    SubsetsDescriptor,
    TensorDescriptor,
    ThresholdDescriptor,
    WindowDescriptor,
    describe_tensor,
)
from edgebnn.mapping.plan import FORMATS, Layout
from edgebnn.native import library
from tests.runtime.firmware_calls import lister_of
from tests.runtime.public_header import STATUS

BITS, TRITS, INT8, INT32 = (FORMATS.index(name) for name in ("bits", "trits", "int8", "int32"))
FORMAT, SHAPE, WINDOW, GROUPS, STEPS, WEIGHTS, POOL, LAYOUT, LINES = (
    STATUS[f"ERROR_{cause}"]
    for cause in ("FORMAT", "SHAPE", "WINDOW", "GROUPS", "STEPS", "WEIGHTS", "POOL", "LAYOUT", "LINES")
)

Change = Callable[[LinearDescriptor], None]


def sound_layer() -> LinearDescriptor:
    """A convolution of 4 channels, 3 x 3, with padding 1, two groups, over 6 x 5 pixels."""
    return LinearDescriptor(
        input=TensorDescriptor(6, 5, 4, BITS, 1),
        output=TensorDescriptor(6, 5, 8, INT32, 32),
        window=WindowDescriptor(3, 3, 1, 1, 1, 1, 1, 1),
        groups=2,
        row_words=1,
    )


def status_of(layer: LinearDescriptor) -> int:
    """No memory is given, so a layer that is not refused crashes; `ebnn_check_linear` answers for sound ones."""
    return int(library().ebnn_linear(ctypes.byref(layer), None, None, None))


def changed(path: str, value: int) -> LinearDescriptor:
    layer = sound_layer()
    owner, _, name = path.rpartition(".")
    setattr(getattr(layer, owner) if owner else layer, name, value)
    return layer


def test_the_sound_layer_is_sound() -> None:
    assert library().ebnn_check_linear(ctypes.byref(sound_layer())) == 0


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("input.format", 7),
        ("output.format", 200),
        ("input.planes", 0),
        ("input.planes", 2),
        ("output.planes", 33),
        ("output.format", BITS),  # with 32 planes
        ("output.format", INT8),
    ],
)
def test_a_format_that_the_layer_cannot_have_is_refused(path: str, value: int) -> None:
    assert status_of(changed(path, value)) == FORMAT


@pytest.mark.parametrize(("output_format", "planes"), [(BITS, 1), (INT8, 8)])
def test_sums_without_a_step_function_are_int32(output_format: int, planes: int) -> None:
    layer = sound_layer()
    layer.output.format, layer.output.planes = output_format, planes
    assert status_of(layer) == STEPS


@pytest.mark.parametrize(("format_code", "steps"), [(BITS, 2), (TRITS, 1), (TRITS, 3)])
def test_packed_outputs_take_as_many_steps_as_they_have_values(format_code: int, steps: int) -> None:
    layer = sound_layer()
    layer.output.format, layer.output.planes = format_code, 1
    layer.steps = StepsDescriptor(None, None, steps, -1, 1)
    assert status_of(layer) == STEPS


@pytest.mark.parametrize(
    ("path", "value", "status"),
    [
        ("groups", 0, GROUPS),
        ("groups", 3, GROUPS),
        ("output.channels", 9, GROUPS),
        ("input.channels", 0, SHAPE),
        ("output.height", 0, SHAPE),
        ("output.height", 3, WINDOW),  # two more rows would fit without any padding behind them
        ("output.width", 70000, WINDOW),  # more padding than 16 bits can say
        ("output.width", 2**32 - 1, WINDOW),
        ("input.height", 2**31, WINDOW),
        ("window.kernel_height", 0, WINDOW),
        ("window.stride_x", 0, WINDOW),
        ("window.dilation_y", 0, WINDOW),
        ("window.kernel_width", 65535, WEIGHTS),
        ("row_words", 0, WEIGHTS),
        ("input.channels", 16, WEIGHTS),  # 8 a group: 72 inputs do not fit one word
    ],
)
def test_extents_that_contradict_each_other_are_refused(path: str, value: int, status: int) -> None:
    assert status_of(changed(path, value)) == status


def test_a_kernel_of_two_to_the_32_inputs_does_not_pass_for_an_empty_one() -> None:
    layer = sound_layer()
    layer.groups, layer.output.channels = 1, 8
    layer.input.channels = 2**16
    layer.input.height = layer.input.width = 2**8
    layer.output.height = layer.output.width = 1
    layer.window = WindowDescriptor(2**8, 2**8, 1, 1, 1, 1, 0, 0)
    layer.row_words = 2**27 - 1
    assert status_of(layer) == WEIGHTS


def test_the_other_layers_check_their_tensors_too() -> None:
    native = library()
    five, six = TensorDescriptor(1, 1, 5, INT8, 8), TensorDescriptor(1, 1, 6, INT8, 8)
    one_step = StepsDescriptor(None, None, 1, 0, 1)
    pixel = WindowDescriptor(1, 1, 1, 1, 1, 1, 0, 0)
    assert native.ebnn_threshold(ctypes.byref(ThresholdDescriptor(five, six, one_step)), None, None) == SHAPE
    assert native.ebnn_threshold(ctypes.byref(ThresholdDescriptor(five, five)), None, None) == STEPS
    ten, bits = TensorDescriptor(1, 2, 5, INT8, 8), FORMATS.index("bits")
    for vector in (TensorDescriptor(1, 1, 9, bits, 1), TensorDescriptor(1, 1, 10, INT8, 8)):  # only bits lie flat
        assert native.ebnn_threshold(ctypes.byref(ThresholdDescriptor(ten, vector, one_step)), None, None) == SHAPE
    assert native.ebnn_max_pool(ctypes.byref(PoolDescriptor(five, six, pixel)), None, None) == SHAPE
    other = TensorDescriptor(1, 1, 5, FORMATS.index("uint8"), 8)
    assert native.ebnn_max_pool(ctypes.byref(PoolDescriptor(five, other, pixel)), None, None) == FORMAT
    sums = TensorDescriptor(1, 1, 5, INT32, 32)
    for output, segments, shift, status in (
        (TensorDescriptor(1, 1, 5, FORMATS.index("bits"), 1), 1, 0, FORMAT),
        (TensorDescriptor(1, 2, 5, INT32, 32), 1, 0, SHAPE),
        (TensorDescriptor(1, 1, 6, INT32, 32), 1, 0, SHAPE),
        (sums, 0, 0, LINES),
        (sums, 1, 63, LINES),
    ):
        assert native.ebnn_affine(ctypes.byref(AffineDescriptor(five, output, segments, shift)), None, None) == status
    for source, output, segments, shift, status in (
        (five, sums, 1, 0, FORMAT),
        (sums, five, 1, 0, FORMAT),
        (sums, TensorDescriptor(1, 1, 6, INT32, 32), 1, 0, SHAPE),
        (sums, sums, 2, 0, LINES),
        (sums, sums, 1, 1, LINES),
    ):
        assert native.ebnn_scale(ctypes.byref(AffineDescriptor(source, output, segments, shift)), None, None) == status
    assert native.ebnn_sum_pool(ctypes.byref(PoolDescriptor(five, five, pixel)), None, None) == FORMAT
    assert native.ebnn_sum_pool(ctypes.byref(PoolDescriptor(six, sums, pixel)), None, None) == SHAPE
    assert native.ebnn_add(ctypes.byref(AddDescriptor(five, five, five)), None, None, None) == FORMAT
    assert native.ebnn_add(ctypes.byref(AddDescriptor(five, six, sums)), None, None, None) == SHAPE
    bits, trits = TensorDescriptor(1, 1, 5, BITS, 1), TensorDescriptor(1, 1, 5, TRITS, 1)
    for source, target, first, status in (
        (bits, trits, 0, FORMAT),
        (bits, five, 0, FORMAT),
        (five, trits, 0, FORMAT),
        (five, six, 2, SHAPE),
        (six, five, 0, SHAPE),
        (five, six, 2**32 - 1, SHAPE),
    ):
        assert native.ebnn_copy_channels(ctypes.byref(CopyDescriptor(source, target, first)), None, None) == status


def listed_layer(pad_value: int) -> ActiveDescriptor:
    """A convolution of 4 channels, 3 x 3, with padding 1, over 6 x 5 pixels; with 0 there, bits are missing."""
    layer, missing = sound_layer(), pad_value == 0
    return ActiveDescriptor(
        input=layer.input,
        output=layer.output,
        window=layer.window,
        pad_value=pad_value,
        lister=lister_of("bits"),
        planes=2 if missing else 1,
        strip=1,
        sum_planes=8,
        missing=4 if missing else None,
        place_planes=3 if missing else 0,
    )


@pytest.mark.parametrize("pad_value", [0, 1])
def test_the_layer_that_is_listed_is_sound(pad_value: int) -> None:
    assert library().ebnn_check_active(ctypes.byref(listed_layer(pad_value))) == 0


@pytest.mark.parametrize(
    ("pad_value", "name", "value"),
    [
        (0, "missing", None),
        (0, "planes", 1),
        (0, "place_planes", 8),
        (1, "missing", 4),
        (1, "planes", 2),
        (1, "planes", 0),
        (1, "sum_planes", 31),
        (1, "strip", 0),
    ],
)
def test_lists_that_contradict_themselves_are_refused(pad_value: int, name: str, value: int | None) -> None:
    layer = listed_layer(pad_value)
    setattr(layer, name, value)
    assert library().ebnn_linear_active(ctypes.byref(layer), None, None, None) == LAYOUT


@pytest.mark.parametrize("lister", [None, "trits", "elements"])
def test_a_lister_of_other_inputs_is_refused(lister: str | None) -> None:
    layer = listed_layer(1)
    layer.lister = lister and lister_of(lister)
    assert library().ebnn_linear_active(ctypes.byref(layer), None, None, None) == FORMAT


def halves_layer() -> HalvesDescriptor:
    """A convolution of 4 channels, 3 x 3, with padding 1, over 6 x 5 pixels."""
    layer = HalvesDescriptor(linear=sound_layer(), sum_planes=8)
    layer.linear.groups, layer.linear.row_words = 1, 2
    return layer


def test_the_layer_of_halves_is_sound() -> None:
    layer = halves_layer()
    for layer.linear.output.channels in (8, 16):  # each in half a word
        assert library().ebnn_check_halves(ctypes.byref(layer)) == 0


@pytest.mark.parametrize(
    ("path", "value", "status"),
    [
        ("linear.groups", 2, LAYOUT),
        ("linear.row_words", 1, WEIGHTS),
        ("linear.row_words", 3, WEIGHTS),
        ("linear.row_words", 0x80000002, LAYOUT),
        ("linear.output.channels", 17, LAYOUT),
        ("linear.nonzero", 4, WEIGHTS),
        ("linear.input.format", INT8, FORMAT),
        ("limits", 4, FORMAT),  # of sums
        ("pooled.height", 2, POOL),
        ("sum_planes", 7, LAYOUT),
        ("sum_planes", 31, LAYOUT),
        ("sum_planes", 5, LAYOUT),
    ],
)
def test_halves_that_contradict_themselves_are_refused(path: str, value: int, status: int) -> None:
    layer = halves_layer()
    owner, _, name = path.rpartition(".")
    of = layer
    for part in filter(None, owner.split(".")):
        of = getattr(of, part)
    setattr(of, name, value)
    assert library().ebnn_linear_halves(ctypes.byref(layer), None, None, None) == status


def subsets_layer() -> SubsetsDescriptor:
    """A convolution of 4 channels of int8, 3 x 3, with padding 1, over 6 x 5 pixels, two of which share words."""
    of = sound_layer()
    layer = SubsetsDescriptor(input=of.input, output=of.output, window=of.window, groups=1, lanes=2, strip=4)
    layer.input.format, layer.input.planes, layer.together = INT8, 8, 36
    return layer


def test_the_layer_of_subsets_is_sound() -> None:
    assert library().ebnn_check_subsets(ctypes.byref(subsets_layer())) == 0


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"input.format": BITS, "input.planes": 1}, FORMAT),
        ({"limits": 4}, FORMAT),  # of sums
        ({"limits": 4, "output.format": BITS, "output.planes": 1, "steps.steps": 1, "groups": 2, "strip": 2}, FORMAT),
        ({"lanes": 0}, LAYOUT),
        ({"lanes": 3, "strip": 3}, LAYOUT),
        ({"strip": 1}, LAYOUT),
        ({"strip": 5}, LAYOUT),
        ({"groups": 2}, LAYOUT),  # whose windows have a strip of their own
        ({"together": 0}, LAYOUT),
        ({"together": 34}, LAYOUT),
        ({"window.stride_x": 0}, WINDOW),
        ({"groups": 3}, GROUPS),
    ],
)
def test_subsets_that_contradict_themselves_are_refused(changes: dict[str, int], status: int) -> None:
    layer = subsets_layer()
    for path, value in changes.items():
        owner, _, name = path.rpartition(".")
        setattr(getattr(layer, owner) if owner else layer, name, value)
    assert library().ebnn_check_subsets(ctypes.byref(layer)) == status
    assert library().ebnn_linear_subsets(ctypes.byref(layer), None, None, None) == status


def sound_int8_layer() -> Int8Descriptor:
    """A convolution of 4 channels, 3 x 3, with padding 1, two groups, over 6 x 5 pixels."""
    layer = sound_layer()
    return Int8Descriptor(input=layer.input, output=layer.output, window=layer.window, groups=2)


def test_the_sound_int8_layer_is_sound() -> None:
    assert library().ebnn_check_int8(ctypes.byref(sound_int8_layer())) == 0


@pytest.mark.parametrize(
    ("path", "value", "status"),
    [
        ("input.planes", 0, FORMAT),
        ("output.format", BITS, FORMAT),
        ("groups", 0, GROUPS),
        ("groups", 3, GROUPS),
        ("output.channels", 9, GROUPS),
        ("output.height", 3, WINDOW),
        ("window.stride_x", 0, WINDOW),
    ],
)
def test_an_int8_layer_that_contradicts_itself_is_refused(path: str, value: int, status: int) -> None:
    layer = sound_int8_layer()
    owner, _, name = path.rpartition(".")
    setattr(getattr(layer, owner) if owner else layer, name, value)
    assert library().ebnn_int8(ctypes.byref(layer), None, None, None) == status


def test_an_int8_kernel_of_more_inputs_than_int32_counts_is_refused() -> None:
    layer = sound_int8_layer()
    layer.groups = 1
    layer.input = TensorDescriptor(2**8, 2**8, 2**16, BITS, 1)
    layer.output = TensorDescriptor(1, 1, 8, INT32, 32)
    layer.window = WindowDescriptor(2**8, 2**8, 1, 1, 1, 1, 0, 0)
    assert library().ebnn_int8(ctypes.byref(layer), None, None, None) == WEIGHTS


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("channels", [1, 3, 32, 33])
def test_c_and_python_agree_on_the_bytes_of_a_tensor(name: str, channels: int) -> None:
    planes = 1 if name in ("bits", "trits") else 8 * np.dtype(name).itemsize
    layout = Layout(height=3, width=5, channels=channels, format=name, planes=planes)  # type: ignore[arg-type]
    assert library().ebnn_tensor_bytes(ctypes.byref(describe_tensor(layout))) == layout.bytes
