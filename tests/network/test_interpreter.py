"""The interpreter is the oracle of everything else, so it is held to the definitions, written out as loops."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.errors import DataError, ModelError
from edgebnn.network import (
    Add,
    Affine,
    Concat,
    Encoding,
    Input,
    Kind,
    Linear,
    MaxPool,
    Network,
    Quantizer,
    Reshape,
    SumPool,
    Take,
    Tensor,
    Threshold,
    WeightKind,
    encode,
    interpret,
)
from edgebnn.network.interpreter import trace
from edgebnn.network.types import Window
from tests.mapping.test_planner import dense
from tests.networks import Builder, networks, random_inputs

Values = npt.NDArray[np.int64]


def taps(window: Window, at: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """(tap, position in the unpadded input) of every tap of the window at an output position."""
    found = []
    for tap in product(*map(range, window.kernel)):
        axes = zip(at, window.stride, tap, window.dilation, window.pad_begin, strict=True)
        found.append((tap, tuple(a * s + t * d - p for a, s, t, d, p in axes)))
    return found


def inside(position: tuple[int, ...], spatial: tuple[int, ...]) -> bool:
    return all(0 <= p < extent for p, extent in zip(position, spatial, strict=True))


def linear(node: Linear, x: Values) -> Values:
    y = np.zeros(node.output.shape, np.int64)
    channels, neurons = x.shape[0] // node.groups, node.neurons // node.groups
    for place in np.ndindex(*node.output.shape):
        for channel in range(channels):
            source = place[0] // neurons * channels + channel
            for tap, position in taps(node.window, place[1:]):
                value = x[(source, *position)] if inside(position, x.shape[1:]) else node.pad_value
                y[place] += int(node.weights[(place[0], channel, *tap)]) * int(value)
        if node.border is not None:
            zone = tuple(int(zones[at]) for zones, at in zip(node.border.zones, place[1:], strict=True))
            y[place] = int(y[place]) * 2**node.border.shift + int(node.border.start[(*zone, place[0])])
    return y


def threshold(node: Threshold, x: Values) -> Values:
    y = np.zeros(x.shape, np.int64)
    for place in np.ndindex(*x.shape):
        steps = node.thresholds[place[0]].tolist()
        up = node.direction[place[0]] > 0
        count = sum(x[place] >= step if up else x[place] <= step for step in steps)
        y[place] = node.low + node.step * count
    return y


def pool(node: MaxPool, x: Values) -> Values:
    y = np.zeros(node.output.shape, np.int64)
    for place in np.ndindex(*node.output.shape):
        values = [x[(place[0], *p)] for _, p in taps(node.window, place[1:]) if inside(p, x.shape[1:])]
        y[place] = max(values) if node.direction[place[0]] > 0 else min(values)
    return y


def sum_pool(node: SumPool, x: Values) -> Values:
    y = np.zeros(node.output.shape, np.int64)
    for place in np.ndindex(*node.output.shape):
        y[place] = sum(x[(place[0], *p)] for _, p in taps(node.window, place[1:]) if inside(p, x.shape[1:]))
    return y


def affine(node: Affine, x: Values) -> Values:
    y = np.zeros(x.shape, np.int64)
    for place in np.ndindex(*x.shape):
        channel, value = place[0], int(x[place])
        segment = sum(knee <= value for knee in node.knees[channel].tolist())
        product = int(node.multiplier[channel, segment]) * value + int(node.offset[channel, segment])
        y[place] = product // 2**node.shift  # Python's integers, rounded down
    return y


def take(node: Take, x: Values) -> Values:
    y = np.empty(node.output.shape, np.int64)
    extents = node.output.shape
    for place in np.ndindex(extents):
        y[place] = x[tuple(node.places[sum(extents[:axis]) + index] for axis, index in enumerate(place))]
    return y


def by_definition(network: Network, x: Values) -> dict[str, Values]:
    values = {network.inputs[0].tensor.name: x}
    for node in network.nodes:
        source = values[node.sources[0]]
        match node:
            case Linear():
                made = linear(node, source)
            case Threshold():
                made = threshold(node, source)
            case MaxPool():
                made = pool(node, source)
            case Reshape():
                made = source.reshape(node.output.shape)
            case Affine():
                made = affine(node, source)
            case SumPool():
                made = sum_pool(node, source)
            case Take():
                made = take(node, source)
            case Add():
                made = source + values[node.sources[1]]
            case Concat():
                made = np.array([plane for name in node.sources for plane in values[name]]).reshape(node.output.shape)
        values[node.output.name] = made
    return values


@given(network=networks(max_layers=2).filter(lambda n: sum(node.macs for node in n.linear) < 6000), seed=st.integers(0))
@settings(max_examples=100)
def test_every_tensor_is_what_the_definitions_say(network: Network, seed: int) -> None:
    x = random_inputs(network, seed % 2**32, 3)
    traced = trace(network, x)
    encoded = encode(network, x)["x"]
    for sample in range(len(x)):
        for name, expected in by_definition(network, encoded[sample]).items():
            assert np.array_equal(traced[name][sample], expected), name


@given(networks())
def test_every_tensor_stays_in_the_range_that_the_network_states(network: Network) -> None:
    traced = trace(network, random_inputs(network, 0, 5))
    for name, values in traced.items():
        tensor = network.tensors[name]
        assert tensor.low <= values.min() and values.max() <= tensor.high, name
        if tensor.kind is Kind.BITS:
            assert not np.any(values == 0)


def test_an_empty_batch_has_no_scores() -> None:
    assert interpret(dense(40, 3), np.zeros((0, 40), np.int8)).shape == (0, 3)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((2, 39)), r"shape \(batch, 40\).*\(2, 39\)"),
        (np.full((1, 40), 2), "-1 to 1"),
        (np.full((1, 40), 0.5), "fractions"),
        (np.full((1, 40), np.nan), "NaN"),
        (np.zeros((1, 40)), "-1 and \\+1"),
        (np.full((1, 40), "a"), "takes numbers"),
    ],
)
def test_unsuitable_data_are_one_sentence(x: npt.NDArray[np.generic], message: str) -> None:
    with pytest.raises(DataError, match=message):
        interpret(dense(40, 3), x)


def encoded_by(encoding: Encoding, tensor: Tensor) -> Network:
    output = Tensor("scores", Kind.SCORES, tensor.shape, tensor.low, tensor.high)
    channels = tensor.channels
    line = Affine(
        "line",
        (tensor.name,),
        output,
        np.ones((channels, 1), np.int32),
        np.zeros((channels, 1), np.int64),
        np.empty((channels, 0), np.int32),
    )
    return Network("encoded", (Input(tensor, encoding),), (line,), "0" * 64)


def test_samples_come_in_the_models_own_order_of_axes() -> None:
    tensor = Tensor("x", Kind.INTEGERS, (3, 4, 5), 0, 255)
    network = encoded_by(Encoding("uint8", axes=(2, 0, 1)), tensor)
    assert network.inputs[0].model_shape == (4, 5, 3)
    x = np.arange(2 * 60).reshape(2, 4, 5, 3)
    assert np.array_equal(encode(network, x)["x"], x.transpose(0, 3, 1, 2))
    with pytest.raises(DataError, match=r"shape \(batch, 4, 5, 3\)"):
        encode(network, x.transpose(0, 3, 1, 2))


def test_real_samples_are_integers_times_the_scale() -> None:
    network = encoded_by(Encoding("float32"), Tensor("x", Kind.INTEGERS, (3,), -128, 127, scale=0.1))
    x = np.array([[-12.8, 0.1, 12.7]], np.float32)
    assert encode(network, x)["x"].tolist() == [[-128, 1, 127]]
    with pytest.raises(DataError, match=r"times 0\.1, but the data hold fractions"):
        encode(network, x + np.float32(0.01))
    with pytest.raises(DataError, match=r"-128 to 127 times 0\.1"):
        encode(network, x + np.float32(0.1))


def test_a_quantizer_counts_as_the_model_compares_in_float32() -> None:
    thresholds = np.array([[0.1, 0.3], [0.1, 0.3]], np.float32)
    quantizer = Quantizer(thresholds, np.array([1, -1], np.int8), low=-1, step=1)
    network = encoded_by(Encoding("float32", quantizer=quantizer), Tensor("x", Kind.TRITS, (2,), -1, 1))
    below = np.nextafter(np.float32(0.1), np.float32(0))
    # 0.1 as float64 is a little less than 0.1 as float32, and rounds to it
    for x, up, down in ((below, -1, 1), (0.1, 0, 1), (np.float32(0.3), 1, 0), (0.4, 1, -1)):
        assert encode(network, np.array([[x, x]]))["x"].tolist() == [[up, down]]


def test_sums_beyond_int32_are_refused() -> None:
    source = Tensor("x", Kind.INTEGERS, (40_000,), 0, 65_535)
    output = Tensor("scores", Kind.SCORES, (1,), -40_000 * 65_535, 40_000 * 65_535)
    layer = Linear("fc", ("x",), output, np.ones((1, 40_000), np.int8), WeightKind.BINARY)
    with pytest.raises(ModelError, match="beyond int32"):
        Network("wide", (Input(source, Encoding("uint16")),), (layer,), "0" * 64)


def test_a_network_names_each_thing_once_and_in_order() -> None:
    layer = dense(40, 3).nodes[0]
    with pytest.raises(ModelError, match="exists twice"):
        Network("twice", dense(40, 3).inputs, (layer, layer), "0" * 64)
    source = Tensor("y", Kind.BITS, (40,), -1, 1)
    with pytest.raises(ModelError, match="reads 'x', which no node before it makes"):
        Network("dangling", (Input(source, Encoding("int8")),), (layer,), "0" * 64)
    with pytest.raises(ModelError, match="no layer"):
        Network("empty", (Input(source, Encoding("int8")),), (), "0" * 64)


@pytest.mark.parametrize("beyond", [-4, 4])
def test_one_value_beyond_the_range_is_refused_at_either_end(beyond: int) -> None:
    tensor = Tensor("x", Kind.INTEGERS, (3,), -3, 3)
    network = Builder(tensor, np.random.default_rng(0))
    network.linear(2)
    assert encode(network.network(), np.array([[-3, 0, 3]], np.int8))["x"].tolist() == [[-3, 0, 3]]
    with pytest.raises(DataError, match="takes values from -3 to 3"):
        encode(network.network(), np.array([[0, beyond, 1]], np.int8))
