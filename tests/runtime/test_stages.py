"""Thresholds, pooling, affine and argmax on their own, in every format."""

from __future__ import annotations

import ctypes
from itertools import product

import numpy as np
import pytest

from edgebnn.emulator.samples import encode_samples
from edgebnn.mapping.image import ImageWriter, words_of
from edgebnn.mapping.plan import (
    FORMATS,
    AffineStage,
    Format,
    Layout,
    Place,
    PoolStage,
    Stage,
    Steps,
    ThresholdStage,
    WindowPlan,
)
from edgebnn.native import library
from edgebnn.network import Kind, MaxPool, Tensor, Threshold, Window
from edgebnn.network.interpreter import run
from edgebnn.words import pack_words
from tests.runtime.firmware_calls import GuardedBuffer, run_stage

HERE, THERE = Place(base="input"), Place(base="scores")
LIMITS: dict[Format, tuple[int, int]] = {
    "bits": (-1, 1),
    "trits": (-1, 1),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "uint16": (0, 65535),
    "int32": (-(2**31), 2**31 - 1),
}


def layout(name: Format, channels: int, height: int, width: int) -> Layout:
    planes = 1 if name in ("bits", "trits") else int("".join(filter(str.isdigit, name)))
    return Layout(height=height, width=width, channels=channels, format=name, planes=planes)


def random_values(name: Format, shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if name == "bits":
        return rng.choice(np.array([-1, 1]), size=shape)
    low, high = LIMITS[name]
    values = rng.integers(low, high + 1, size=shape)
    values.flat[:2] = (low, high)
    return values


def affine_stage(
    image: ImageWriter,
    source: Layout,
    multiplier: np.ndarray,
    offset: np.ndarray,
    knees: np.ndarray | None = None,
    shift: int = 0,
    target: Format = "int32",
) -> AffineStage:
    return AffineStage(
        node="a",
        input=source,
        output=layout(target, source.channels, source.height, source.width),
        source=HERE,
        target=THERE,
        segments=multiplier.shape[1],
        shift=shift,
        multiplier=image.add("multiplier", multiplier.astype(np.int32)),
        offset=image.add("offset", words_of(offset)),
        knees=None if knees is None else image.add("knees", knees.astype(np.int32)),
    )


def run_on(stage: Stage, image: bytes, x: np.ndarray) -> np.ndarray:
    """What a stage makes of one sample x (C, H, W), as the bytes of its output tensor."""
    source, target = GuardedBuffer(stage.input.bytes), GuardedBuffer(stage.output.bytes)
    source.bytes[:] = encode_samples(x[np.newaxis], stage.input)[0]
    assert run_stage(stage, image, [source.address], target.address)[0] == 0
    assert target.whole
    return target.bytes


def assert_holds(data: np.ndarray, expected: np.ndarray, where: Layout) -> None:
    """`data` hold the values (C, H, W); what lies behind the last element may be anything."""
    encoded = encode_samples(expected[np.newaxis], where)[0]
    used = where.bytes if where.pixel_words else expected.size * np.dtype(where.format).itemsize
    np.testing.assert_array_equal(data[:used], encoded[:used])


def steps_in(image: ImageWriter, node: Threshold) -> Steps:
    down = node.direction < 0
    thresholds = np.sort(np.where(down[:, np.newaxis], ~node.thresholds, node.thresholds), axis=1).astype(np.int32)
    return Steps(
        node="t",
        steps=thresholds.shape[1],
        low=node.low,
        step=node.step,
        thresholds=image.add("thresholds", thresholds),
        directions=image.add("directions", pack_words(down)),
    )


@pytest.mark.parametrize(("source", "target"), list(product(FORMATS, FORMATS)))
@pytest.mark.parametrize("channels", [1, 33])
def test_thresholds_take_and_make_every_format(source: Format, target: Format, channels: int) -> None:
    rng = np.random.default_rng(3)
    steps, low, step = {"bits": (1, -1, 2), "trits": (2, -1, 1)}.get(target, (5, 3, 20))
    x = random_values(source, (channels, 4, 3), 1)
    thresholds = np.sort(rng.choice(x.reshape(-1), size=(channels, steps)), axis=1).astype(np.int32)
    direction = rng.choice(np.array([-1, 1], np.int8), size=channels)
    kind = {"bits": Kind.BITS, "trits": Kind.TRITS}.get(target, Kind.INTEGERS)
    output = Tensor("y", kind, x.shape, low, low + step * steps)
    node = Threshold("t", ("x",), output, thresholds, direction, low, step)
    image = ImageWriter()
    stage = ThresholdStage(
        node="t",
        input=layout(source, *x.shape),
        output=layout(target, *x.shape),
        source=HERE,
        target=THERE,
        steps=steps_in(image, node),
    )
    expected = run(node, x[np.newaxis].astype(np.int64))[0]
    assert_holds(run_on(stage, image.image(), x), expected, stage.output)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("channels", [1, 31, 32, 40])
@pytest.mark.parametrize(
    "window",
    [
        Window((2, 2), (2, 2), (1, 1), (0, 0), (0, 0)),
        Window((3, 3), (1, 2), (1, 1), (1, 2), (2, 1)),
        Window((2, 3), (1, 1), (3, 2), (1, 1), (0, 1)),
        Window((1, 1), (3, 3), (1, 1), (0, 0), (0, 0)),
    ],
)
def test_pooling_takes_the_largest_or_smallest_and_padding_never_wins(
    name: Format, channels: int, window: Window
) -> None:
    x = random_values(name, (channels, 7, 6), 5)
    direction = np.random.default_rng(2).choice(np.array([-1, 1], np.int8), size=channels)
    extents = window.extents(x.shape[1:])
    node = MaxPool("p", ("x",), Tensor("y", Kind.INTEGERS, (channels, *extents), *LIMITS[name]), window, direction)
    image = ImageWriter()
    stage = PoolStage(
        node="p",
        input=layout(name, *x.shape),
        output=layout(name, channels, *extents),
        source=HERE,
        target=THERE,
        window=WindowPlan(kernel=window.kernel, stride=window.stride, dilation=window.dilation, pad=window.pad_begin),
        directions=image.add("directions", pack_words(direction < 0)),
    )
    expected = run(node, x[np.newaxis].astype(np.int64))[0]
    assert_holds(run_on(stage, image.image(), x), expected, stage.output)


def test_pooling_without_directions_takes_the_largest_everywhere() -> None:
    x = random_values("trits", (40, 4, 4), 8)
    stage = PoolStage(
        node="p",
        input=layout("trits", 40, 4, 4),
        output=layout("trits", 40, 2, 2),
        source=HERE,
        target=THERE,
        window=WindowPlan(kernel=(2, 2), stride=(2, 2)),
        directions=None,
    )
    expected = x.reshape(40, 2, 2, 2, 2).max(axis=(2, 4))
    assert_holds(run_on(stage, bytes(4), x), expected, stage.output)


@pytest.mark.parametrize("target", ["int8", "uint8", "int16", "uint16"])
def test_the_affine_writes_integers_that_a_layer_reads(target: Format) -> None:
    low, high = LIMITS[target]
    image = ImageWriter()
    multiplier, offset = np.array([1, -1, 3])[:, np.newaxis], np.array([0, low + high, low])[:, np.newaxis]
    stage = affine_stage(image, layout("int32", 3, 2, 9), multiplier, offset, target=target)
    x = np.stack([np.linspace(low, high, 18), np.linspace(low, high, 18), np.arange(18)]).astype(np.int64)
    expected = multiplier * x + offset
    assert_holds(run_on(stage, image.image(), x.reshape(3, 2, 9)), expected.reshape(3, 2, 9), stage.output)


def test_the_affine_reaches_both_ends_of_int32() -> None:
    multiplier = np.array([1, -1, 65536, -3], np.int32)[:, np.newaxis]
    offset = np.array([0, -1, 2**31 - 1 - 65536, 5])[:, np.newaxis]
    where = layout("int32", 4, 1, 2)
    image = ImageWriter()
    stage = affine_stage(image, where, multiplier, offset)
    x = np.array([[[2**31 - 1, -(2**31)]], [[2**31 - 1, -(2**31)]], [[1, -32767]], [[7, -7]]])
    expected = np.array(
        [
            [[2**31 - 1, -(2**31)]],
            [[-(2**31), 2**31 - 1]],
            [[2**31 - 1, 2**31 - 1 - 32768 * 65536]],
            [[-16, 26]],
        ]
    )
    assert_holds(run_on(stage, image.image(), x), expected, where)


@pytest.mark.parametrize(
    ("scores", "best"), [([3], 0), ([1, 5, 5], 1), ([-7, -7, -7], 0), ([-(2**31), 2**31 - 1], 1), ([0, -1, 2, 1], 2)]
)
def test_argmax_is_the_first_of_the_largest(scores: list[int], best: int) -> None:
    assert library().ebnn_argmax((ctypes.c_int32 * len(scores))(*scores), len(scores)) == best
