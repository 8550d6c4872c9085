"""Weights of 8 bits, sums, lines and joins: every format, sizes around the words, and the ends of the ranges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgebnn.network import Kind, Tensor, WeightKind, Window
from tests.builder import Builder
from tests.runtime.agreement import assert_runtime_agrees
from tests.runtime.test_linear import INPUTS, builder_of

INT8 = WeightKind.INT8
SAME = Window((3, 3), (1, 1), (1, 1), (1, 1), (1, 1))
PIXEL = Window((1, 1), (1, 1), (1, 1), (0, 0), (0, 0))


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("fan_in", [1, 2, 15, 16, 17, 100])
@pytest.mark.parametrize("neurons", [1, 3, 4, 5, 9])
def test_dense_layers_of_8_bit_weights(kind: str, fan_in: int, neurons: int) -> None:
    builder = builder_of((fan_in,), kind)
    builder.linear(neurons, INT8)
    assert_runtime_agrees(builder.network(), batch=5)


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize(("channels", "groups", "neurons"), [(5, 1, 6), (4, 2, 10), (6, 6, 6), (33, 33, 66)])
@pytest.mark.parametrize("pad_value", [0, 1])
def test_convolutions_of_8_bit_weights(kind: str, channels: int, groups: int, neurons: int, pad_value: int) -> None:
    builder = builder_of((channels, 6, 5), kind)
    builder.linear(neurons, INT8, Window((3, 2), (2, 1), (1, 2), (1, 2), (2, 1)), groups, pad_value)
    assert_runtime_agrees(builder.network())


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16"])
@pytest.mark.parametrize("dilation", [1, 2, 4])
@pytest.mark.parametrize("pad", [(0, 0), (2, 0), (5, 5)])
def test_depthwise_windows_beside_and_across_the_edges(kind: str, dilation: int, pad: tuple[int, int]) -> None:
    builder = builder_of((3, 11, 9), kind)
    window = Window((3, 3), (2, 1), (dilation, 1), pad, (pad[1], pad[0]))
    builder.linear(6, INT8, window, groups=3)
    assert_runtime_agrees(builder.network())


@pytest.mark.parametrize(("kind", "extreme"), [("uint16", 65535), ("int16", -32768), ("uint8", 255), ("trits", -1)])
@pytest.mark.parametrize("weight", [-128, 127])
@pytest.mark.parametrize("depthwise", [False, True])
def test_extremes_of_weights_and_inputs(kind: str, extreme: int, weight: int, depthwise: bool) -> None:
    channels = 20
    builder = builder_of((channels, 2, 2), kind)
    builder.linear(channels, INT8, SAME, groups=channels if depthwise else 1)
    (layer,) = builder.network().linear
    weights = np.full_like(layer.weights, weight)
    largest = weights[0].size * 128 * abs(extreme)
    output = replace(layer.output, kind=Kind.SCORES, low=-largest, high=largest)
    network = replace(builder.network(), nodes=(replace(layer, weights=weights, output=output),))
    assert_runtime_agrees(network, np.full((2, channels, 2, 2), extreme, network.inputs[0].encoding.dtype))


@pytest.mark.parametrize(("kind", "steps"), [(Kind.BITS, 1), (Kind.TRITS, 2), (Kind.INTEGERS, 3), (Kind.INTEGERS, 255)])
@pytest.mark.parametrize("even", [False, True])
def test_steps_behind_8_bit_weights(kind: Kind, steps: int, even: bool) -> None:
    builder = builder_of((8, 5, 5), "uint8")
    builder.linear(33, INT8, SAME)
    builder.threshold(kind, steps, even=even)
    builder.linear(5, INT8, PIXEL)
    assert_runtime_agrees(builder.network())


@pytest.mark.parametrize("channels", [1, 5, 32, 33])
@pytest.mark.parametrize("kind", [Kind.BITS, Kind.TRITS, Kind.INTEGERS])
def test_a_flattened_map_reaches_dense_layers_of_several_kinds(channels: int, kind: Kind) -> None:
    """Two dense layers read one flattened map, and a convolution the map itself."""
    builder = builder_of((3, 6, 5), "int8")
    builder.linear(channels, INT8, SAME)
    builder.threshold(kind, 15)
    packed = builder.last
    builder.flatten()
    flat = builder.last
    builder.linear(8, INT8)
    first = builder.last
    builder.resume(flat)
    builder.linear(8)
    builder.add(first)
    one = builder.last
    builder.resume(packed)
    builder.linear(8, WeightKind.TERNARY, Window((6, 5), (1, 1), (1, 1), (0, 0), (0, 0)))
    builder.flatten()
    builder.add(one)
    assert_runtime_agrees(builder.network())


@pytest.mark.parametrize("kind", ["bits", "trits", "int8"])
@pytest.mark.parametrize("widths", [(1, 1), (31, 2), (32, 32), (33, 31), (5, 60, 7), (64, 1, 33)])
def test_joined_tensors_meet_inside_a_word_and_at_its_edge(kind: str, widths: tuple[int, ...]) -> None:
    builder = builder_of((4, 3, 3), kind)
    branches = []
    for width in widths:
        builder.resume(builder.input)
        builder.linear(width, window=SAME)
        builder.threshold({"bits": Kind.BITS, "trits": Kind.TRITS}.get(kind, Kind.INTEGERS), 9)
        branches.append(builder.last)
    builder.concat(branches[:-1])
    builder.linear(3, INT8, PIXEL)
    assert_runtime_agrees(builder.network())


def test_joined_integers_take_the_width_of_the_widest() -> None:
    builder = builder_of((4, 3, 3), "int8")
    branches = []
    for low, step in ((0, 1), (-100, 1), (-9, 1000), (0, 3000)):
        builder.resume(builder.input)
        builder.linear(3, window=SAME)
        builder.threshold(Kind.INTEGERS, 10, low, step)
        branches.append(builder.last)
    builder.concat(branches[:2])
    narrow = builder.last
    builder.resume(branches[2])
    builder.concat([narrow])
    builder.linear(3, INT8, PIXEL)
    assert_runtime_agrees(builder.network())


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize(
    "window",
    [
        Window((6, 40), (1, 1), (1, 1), (0, 0), (0, 0)),
        Window((3, 2), (2, 1), (1, 3), (1, 2), (2, 1)),
        Window((2, 3), (1, 2), (2, 1), (3, 0), (3, 4)),
    ],
)
def test_sums_under_a_window(kind: str, window: Window) -> None:
    builder = builder_of((5, 6, 40), kind)
    builder.sum_pool(window)
    assert_runtime_agrees(builder.network())


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("segments", [1, 2, 5])
@pytest.mark.parametrize("shift", [0, 1, 31, 32, 33, 50])
def test_lines_in_fixed_point(kind: str, segments: int, shift: int) -> None:
    builder = builder_of((33, 2, 9), kind)
    builder.affine(segments, shift)
    assert_runtime_agrees(builder.network())


@pytest.mark.parametrize("one", INPUTS)
def test_sums_of_tensors_of_any_formats(one: str) -> None:
    builder = builder_of((33, 2, 9), one)
    builder.linear(33, INT8, PIXEL)
    builder.affine(1, 10, reach=2**16)
    builder.add(builder.input)
    lines = builder.last
    builder.resume(builder.input)
    builder.threshold(Kind.INTEGERS, 20, -10)
    builder.add(lines)
    assert_runtime_agrees(builder.network())


def test_a_residual_is_kept_until_its_last_reader() -> None:
    builder = Builder(Tensor("x", Kind.BITS, (8, 5, 5), -1, 1), np.random.default_rng(3))
    builder.linear(8, window=SAME)
    trunk = builder.last
    for _ in range(3):
        builder.threshold()
        builder.linear(8, window=SAME)
        builder.add(trunk)
    assert_runtime_agrees(builder.network())


@pytest.mark.parametrize("weights", list(WeightKind))
@pytest.mark.parametrize(("channels", "groups"), [(5, 1), (6, 3), (6, 6), (40, 1)])
@pytest.mark.parametrize("kind", ["uint8", "int16"])
def test_inputs_of_32_bits(weights: WeightKind, channels: int, groups: int, kind: str) -> None:
    builder = builder_of((channels, 6, 5), kind)
    builder.affine(shift=8, reach=2**21)
    builder.linear(2 * groups, weights, Window((3, 2), (2, 1), (1, 2), (1, 2), (2, 1)), groups, pad_value=-1)
    builder.threshold(Kind.INTEGERS, 9)
    builder.flatten()
    builder.affine(reach=2**20)
    builder.linear(3, weights)
    assert_runtime_agrees(builder.network())
