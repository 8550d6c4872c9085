"""A network whose constants, windows and tensors do not agree does not come to be: the C runtime believes them."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.errors import ModelError
from edgebnn.network.encoding import Encoding
from edgebnn.network.network import Network
from edgebnn.network.types import (
    Add,
    Affine,
    Border,
    Concat,
    Input,
    Kind,
    Linear,
    MaxPool,
    Node,
    Reshape,
    SumPool,
    Take,
    Tensor,
    Threshold,
    WeightKind,
    Window,
)
from tests.networks import Builder, networks


def of_output(node: Node, **changes: Any) -> dict[str, Any]:
    return {"output": replace(node.output, **changes)}


def of_window(window: Window, value: int, *names: str) -> dict[str, Any]:
    """The window with one number changed on its first axis, for each name; nothing for the empty window."""
    return {
        f"{name} {value}": {"window": replace(window, **{name: (value, *getattr(window, name)[1:])})}
        for name in names
        if window.kernel
    }


def broken_windows(window: Window) -> dict[str, dict[str, Any]]:
    longer = Window(*(((*getattr(window, name), 1)) for name in ("kernel", "stride", "dilation")), window.pad_begin)
    return {
        "an axis more": {"window": replace(longer, pad_end=window.pad_end)},
        **of_window(window, 0, "kernel", "stride", "dilation"),
        **of_window(window, 2**16, "kernel", "stride", "dilation", "pad_begin"),
        **of_window(window, -1, "pad_begin", "pad_end"),
        **of_window(window, 2**18, "pad_end"),
    }


def broken(node: Node, source: Tensor) -> dict[str, dict[str, Any]]:
    """Changes of one field each, by what they do; every one of them breaks a rule."""
    output = node.output
    common = {
        "other sources": {"sources": node.sources * 2},
        "a channel too many": of_output(node, shape=(output.shape[0] + 1, *output.shape[1:])),
        "an empty range": of_output(node, low=output.high + 1),
        "another kind": of_output(node, kind=Kind.BITS if output.kind is not Kind.BITS else Kind.SUMS),
    }
    match node:
        case Linear():
            return common | broken_linear(node, source)
        case Threshold():
            return common | broken_threshold(node)
        case MaxPool():
            return common | {
                **broken_windows(node.window),
                "too few directions": {"direction": node.direction[:-1]},
                "a direction of 0": {"direction": np.zeros_like(node.direction)},
                "a wider range": of_output(node, high=output.high + 1),
            }
        case Reshape():
            return common | {"a wider range": of_output(node, high=output.high + 1)}
        case Take():
            return common | {
                "a wider range": of_output(node, high=output.high + 1),
                "too few places": {"places": node.places[:-1]},
                "wide places": {"places": node.places.astype(np.int64)},
                "a place before the first": {"places": np.full_like(node.places, -1)},
                "a place behind the last": {"places": np.full_like(node.places, max(source.shape))},
            }
        case SumPool():
            reach = max(abs(output.low), abs(output.high))
            narrow = of_output(node, high=output.high - 1) if output.high else of_output(node, low=output.low + 1)
            return common | broken_windows(node.window) | ({"beyond the sums": narrow} if reach else {})
        case Add():
            return common | {"beyond the sums": of_output(node, high=source.low + output.low - 1)}
        case Concat():
            return common | {"beyond the values": of_output(node, high=output.low)} | one_source(node)
        case Affine():
            knees = node.knees
            return common | {
                "no multipliers": {"multiplier": node.multiplier[:0]},
                "one axis": {"multiplier": node.multiplier[:, 0]},
                "too few offsets": {"offset": node.offset[:-1]},
                "narrow offsets": {"offset": node.offset.astype(np.int32)},
                "a segment more": {"knees": np.repeat(knees, 2, axis=1) if knees.size else np.zeros((1, 1), np.int32)},
                "a shift below 0": {"shift": -1},
                "a shift beyond int64": {"shift": 63},
                "offsets beyond int64": {"offset": np.full_like(node.offset, 2**61)},
                "beyond the scores": {"offset": np.full_like(node.offset, 2**60), "shift": 0},
                **({"falling knees": {"knees": falling(knees)}} if knees.shape[1] > 1 else {}),
            }


def one_source(node: Node) -> dict[str, dict[str, Any]]:
    return {"a single source": {"sources": node.sources[:1]}}


def falling(knees: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    fallen = knees.copy()
    fallen[:, 0] = fallen[:, -1] + 1
    return fallen


def broken_linear(node: Linear, source: Tensor) -> dict[str, dict[str, Any]]:
    return {
        **broken_windows(node.window),
        "too few rows": {"weights": node.weights[:-1]},
        "too many inputs": {"weights": np.repeat(node.weights, 2, axis=1)},
        "an axis more": {"weights": node.weights[..., np.newaxis]},
        "wide weights": {"weights": node.weights.astype(np.int16)},
        **({} if node.weight_kind is WeightKind.INT8 else {"weights of 3": {"weights": np.full_like(node.weights, 3)}}),
        "no groups": {"groups": 0},
        "a group more": {"groups": node.groups + 1},
        "a padding that no input has": {"pad_value": source.high + 1},
        "sums beyond the range": of_output(node, high=node.output.high - 1),
        **({} if node.border is None else broken_border(node.border)),
    }


def broken_border(border: Border) -> dict[str, dict[str, Any]]:
    first, *others = border.zones
    changes = {
        "an axis without zones": {"zones": tuple(others)},
        "a position without a zone": {"zones": (first[:-1], *others)},
        "a zone beyond the last": {"zones": (np.full_like(first, border.start.shape[0]), *others)},
        "a zone without a position": {"start": np.concatenate([border.start, border.start[:1]])},
        "wide zones": {"zones": (first.astype(np.int64), *others)},
        "starts of too few neurons": {"start": border.start[..., :-1]},
        "wide starts": {"start": border.start.astype(np.int64)},
        "starts without zones": {"start": border.start[0]},
        "a shift below 0 of sums": {"shift": -1},
        "sums shifted out": {"shift": 27},
    }
    return {name: {"border": replace(border, **change)} for name, change in changes.items()}


def broken_threshold(node: Threshold) -> dict[str, dict[str, Any]]:
    return {
        "too few rows": {"thresholds": node.thresholds[:-1]},
        "too few steps": {"thresholds": node.thresholds[:, :-1]},
        "too many steps": {"thresholds": np.repeat(node.thresholds, 2, axis=1)},
        "one axis": {"thresholds": node.thresholds[:, 0]},
        "wide thresholds": {"thresholds": node.thresholds.astype(np.int64)},
        "too few directions": {"direction": node.direction[:-1]},
        "directions of 2": {"direction": 2 * node.direction},
        "another start": {"low": node.low + 1},
        "another step": {"step": node.step + 1},
        "steps backwards": {"step": -node.step},
    }


@given(network=networks(), data=st.data())
def test_one_changed_field_is_refused_and_the_node_named(network: Network, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(network.nodes) - 1))
    node = network.nodes[index]
    changes = broken(node, network.tensors[node.sources[0]])
    change = changes[data.draw(st.sampled_from(sorted(changes)))]
    nodes = (*network.nodes[:index], replace(node, **change), *network.nodes[index + 1 :])
    with pytest.raises(ModelError, match=re.escape(f"node '{node.name}' ")):
        replace(network, nodes=nodes)


@pytest.mark.parametrize(("kind", "weight"), [*product(("binary", "ternary"), (-2, 2)), ("binary", 0)])
def test_one_weight_that_is_none_of_its_kind_is_refused(kind: str, weight: int) -> None:
    """Whatever else the others are, and though the sums are within what is stated."""
    builder = Builder(Tensor("x", Kind.BITS, (8,), -1, 1), np.random.default_rng(0))
    builder.linear(3, WeightKind(kind))
    network = builder.network()
    (layer,) = network.linear
    weights = layer.weights.copy()
    weights[1, 2] = weight
    worse = replace(layer, weights=weights, **of_output(layer, low=-100, high=100))
    with pytest.raises(ModelError, match=f"has weights that are not {kind}"):
        replace(network, nodes=(worse,))


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        (Kind.BITS, 0, 1),
        (Kind.TRITS, -1, 2),
        (Kind.INTEGERS, 0, 2**16),
        (Kind.INTEGERS, -1, 2**15),
        (Kind.INTEGERS, 3, 2),
        (Kind.SUMS, -4, 4),
    ],
)
def test_an_input_that_no_sample_fits_is_refused(kind: Kind, low: int, high: int) -> None:
    builder = Builder(Tensor("x", Kind.BITS, (4,), -1, 1), np.random.default_rng(0))
    builder.linear(2)
    network = builder.network()
    given = replace(network.inputs[0], tensor=Tensor("x", kind, (4,), low, high))
    with pytest.raises(ModelError, match="input 'x'"):
        replace(network, inputs=(given,))


@pytest.mark.parametrize(
    "window",
    [
        Window((1,), (1,), (1,), (1,), (0,)),  # the first window ends before the map
        Window((1,), (1,), (1,), (0,), (1,)),  # the last one starts behind it
        Window((2,), (1,), (6,), (3,), (3,)),  # its taps step over the map
    ],
)
def test_a_pool_that_sees_only_padding_is_refused(window: Window) -> None:
    builder = Builder(Tensor("x", Kind.BITS, (4, 3), -1, 1), np.random.default_rng(0))
    builder.pool(window)
    builder.linear(2, window=Window((1,), (1,), (1,), (0,), (0,)))
    with pytest.raises(ModelError, match=r"node 'pool_0' has a window that lies wholly in the padding"):
        builder.network()


def test_a_tensor_holds_no_more_than_is_said() -> None:
    """2^28 values, and not one row more; none of them is made here."""
    wide_map(2**14, 2**14)
    with pytest.raises(ModelError, match="out of bounds"):
        wide_map(2**14, 2**14 + 1)


def wide_map(height: int, width: int) -> Network:
    """A map that a single weight is put on."""
    source = Tensor("x", Kind.INTEGERS, (1, height, width), 0, 255)
    output = Tensor("scores", Kind.SCORES, (1, height, width), -255, 255)
    window = Window((1, 1), (1, 1), (1, 1), (0, 0), (0, 0))
    layer = Linear("conv", ("x",), output, np.ones((1, 1, 1, 1), np.int8), WeightKind.BINARY, window)
    return Network("map", (Input(source, Encoding("uint8")),), (layer,), "0" * 64)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_offset_leaves_room_in_int64_whatever_it_is_shifted_by(sign: int) -> None:
    source = Input(Tensor("x", Kind.INTEGERS, (1,), 0, 3), Encoding("uint8"))
    output = Tensor("scores", Kind.SCORES, (1,), -1, 1)
    ones, knees = np.ones((1, 1), np.int32), np.empty((1, 0), np.int32)

    def line(offset: int) -> Network:
        node = Affine("line", ("x",), output, ones, np.array([[offset]], np.int64), knees, 62)
        return Network("line", (source,), (node,), "0" * 64)

    line(sign * (2**61 - 1))
    with pytest.raises(ModelError, match="int64 products overflow"):
        line(sign * 2**61)


def test_a_layer_reads_no_scores() -> None:
    builder = Builder(Tensor("x", Kind.BITS, (4,), -1, 1), np.random.default_rng(0))
    builder.linear(2)
    builder.nodes[0] = replace(builder.nodes[0], output=replace(builder.last, kind=Kind.SCORES))
    builder.linear(2)
    with pytest.raises(ModelError, match=r"node 'linear_1' reads scores, but takes bits, trits, integers or sums"):
        builder.network()


def test_a_flattened_map_of_bits_is_no_longer_than_a_window() -> None:
    builder = Builder(Tensor("x", Kind.BITS, (1, 2**16), -1, 1), np.random.default_rng(0))
    builder.flatten()
    builder.linear(1)
    with pytest.raises(ModelError, match=r"node 'flatten_0' flattens a map of \(65536,\)"):
        builder.network()


@pytest.mark.parametrize(
    ("low", "high", "bits"),
    [
        *((0, 0, 1), (0, 1, 1), (0, 2, 2), (0, 3, 2), (0, 255, 8), (0, 256, 9), (1, 1, 1)),
        *((-1, 0, 1), (-1, 1, 2), (-2, 1, 2), (-128, 127, 8), (-129, 0, 9), (-1, 128, 9)),
    ],
)
def test_a_range_has_as_many_bits_as_its_ends_take(low: int, high: int, bits: int) -> None:
    assert Tensor("x", Kind.INTEGERS, (1,), low, high).bits == bits
