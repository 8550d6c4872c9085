"""Slices, splits, gathers and channel shuffles against onnxruntime, and what of them is refused and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.fast import FastPath
from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.mapping.planner import map_network
from edgebnn.network import Kind, Network, Take, Threshold
from edgebnn.network.interpreter import interpret
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Model, signs
from tests.mapping.test_planner import PROVENANCE

CHANNELS = 12


def mapped_as_onnxruntime(model: Model, folder: Path, shape: tuple[int, ...]) -> Network:
    """The network, once its scores are onnxruntime's, and the fast path's its own."""
    path = model.save(folder)
    network = read_network(path, ReadOptions("int8"))
    x = np.random.default_rng(0).integers(-128, 128, size=(16, *shape)).astype(np.int8)
    scores = interpret(network, x)
    expected = onnxruntime_values(path, x)[model.last]
    assert np.all(np.abs(scores * network.output.scale - expected.reshape(scores.shape)) <= network.score_error)
    assert np.array_equal(FastPath(map_network(network, load_target("host"), PROVENANCE)).run(x), scores)
    return network


def integers(model: Model, *values: int) -> str:
    return model.constant(np.array(values), np.int64)


def a_slice(starts: tuple[int, ...], ends: tuple[int, ...], axes: tuple[int, ...], steps: tuple[int, ...]) -> Callable:
    return lambda model: model.add("Slice", *(integers(model, *values) for values in (starts, ends, axes, steps)))


def wrapped(model: Model, axis: int) -> str:
    """Circular padding as TorchScript's exporter writes it: the last row or column, the map, the first one."""
    whole, along = model.last, integers(model, axis)
    last = model.add("Slice", inputs=[whole, integers(model, -1), integers(model, 2**62), along])
    first = model.add("Slice", inputs=[whole, integers(model, 0), integers(model, 1), along])
    return model.add("Concat", inputs=[last, whole, first], axis=axis)


SELECTIONS: dict[str, Callable[[Model], str]] = {
    "first channels": a_slice((0,), (5,), (1,), (1,)),
    "every second channel": a_slice((1,), (2**62,), (1,), (2,)),
    "channels backwards": a_slice((-1,), (-(2**62),), (1,), (-1,)),
    "a stretch of rows and columns": a_slice((1, -4), (4, -1), (2, 3), (1, 1)),
    "rows backwards in twos": a_slice((10,), (0,), (-2,), (-2,)),
    "channels in any order": lambda model: model.add("Gather", integers(model, 7, -1, 0, 7), axis=1),
    "columns twice": lambda model: model.add("Gather", integers(model, 0, 0, 1, 1, 2), axis=3),
    "copies of each element": lambda model: model.add("Resize", "", model.constant([1, 1, 2, 3]), mode="nearest"),
    "every second row, as PyTorch resizes": lambda model: model.add(
        "Resize",
        *("", model.constant([1, 1, 0.5, 1])),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    ),
    "a map wrapped around at its borders": lambda model: [wrapped(model, axis) for axis in (3, 2)][-1],
}


def stem(folded: bool) -> Model:
    """A layer with a norm that differs from channel to channel."""
    model, rng = Model((3, 5, 6)), np.random.default_rng(1)
    model.add("Conv", signs(1, CHANNELS, 3, 3, 3), pads=[1, 1, 1, 1])
    model.add("Mul", 2.0 ** rng.integers(-2, 2, size=(CHANNELS, 1, 1)))
    model.add("Add", rng.integers(-9, 9, size=(CHANNELS, 1, 1)) / 4)
    if folded:
        model.sign(at_least=True)
    return model


def finished(model: Model, channels: int, sign_first: bool) -> Model:
    if sign_first:
        model.sign()
    model.add("Conv", signs(2, 10, channels, 1, 1))
    model.add("GlobalAveragePool")
    model.add("Flatten")
    return model


@pytest.mark.parametrize("before", [True, False], ids=["of signs", "of sums"])
@pytest.mark.parametrize("name", SELECTIONS)
def test_a_part_of_a_map(name: str, before: bool, tmp_path: Path) -> None:
    model = stem(before)
    SELECTIONS[name](model)
    channels = {"first channels": 5, "every second channel": 6, "channels in any order": 4}.get(name, CHANNELS)
    network = mapped_as_onnxruntime(finished(model, channels, not before), tmp_path, (3, 5, 6))
    kinds = [type(node) for node in network.nodes]
    assert (kinds.index(Threshold) < kinds.index(Take)) is before  # bits are moved where there are bits


@pytest.mark.parametrize("name", SELECTIONS)
def test_a_part_of_the_input(name: str, tmp_path: Path) -> None:
    model = Model((CHANNELS, 5, 6))
    SELECTIONS[name](model)
    channels = {"first channels": 5, "every second channel": 6, "channels in any order": 4}.get(name, CHANNELS)
    mapped_as_onnxruntime(finished(model, channels, False), tmp_path, (CHANNELS, 5, 6))


def test_a_part_of_an_input_with_its_channels_last(tmp_path: Path) -> None:
    model = Model((5, 6, CHANNELS))
    a_slice((1, 2), (4, 9), (1, 3), (1, 1))(model)
    model.add("Transpose", perm=[0, 3, 1, 2])
    mapped_as_onnxruntime(finished(model, 7, False), tmp_path, (5, 6, CHANNELS))


def test_a_part_of_flattened_signs(tmp_path: Path) -> None:
    model = stem(True)
    model.add("Flatten")
    a_slice((3,), (250,), (1,), (3,))(model)
    model.add("MatMul", signs(3, 83, 4))
    mapped_as_onnxruntime(model, tmp_path, (3, 5, 6))


def test_one_row_by_its_number_loses_its_axis(tmp_path: Path) -> None:
    model = stem(True)
    model.add("Gather", model.constant(np.array(-2), np.int64), axis=2)
    model.add("Conv", signs(2, 10, CHANNELS, 3))
    mapped_as_onnxruntime(model, tmp_path, (3, 5, 6))


def test_the_halves_of_a_split_meet_again(tmp_path: Path) -> None:
    """As in ShuffleNet V2: one half goes on as it is, the other through a layer, and both are joined."""
    model = stem(True)
    halves = [f"half_{number}" for number in range(2)]
    model.add("Split", integers(model, 5, 7), axis=1)
    del model.nodes[-1].output[:]
    model.nodes[-1].output.extend(halves)
    model.last = halves[1]
    model.add("Conv", signs(3, 7, 7, 1, 1))
    model.sign(at_least=True)
    model.add("Concat", inputs=[halves[0], model.last], axis=1)
    network = mapped_as_onnxruntime(finished(model, CHANNELS, False), tmp_path, (3, 5, 6))
    assert sum(isinstance(node, Take) for node in network.nodes) == 2


@pytest.mark.parametrize("opset", [13, 18])
def test_equal_parts(opset: int, tmp_path: Path) -> None:
    model = Model((10,), opset=opset)
    model.add("Split", axis=1, **({"num_outputs": 2} if opset == 18 else {}))
    del model.nodes[-1].output[:]
    model.nodes[-1].output.extend(["a", "b"])
    model.add("Sub", inputs=["a", "b"])
    model.sign()
    model.add("MatMul", signs(1, 5, 3))
    mapped_as_onnxruntime(model, tmp_path, (10,))


def shuffle(model: Model, groups: int, spatial: tuple[int, ...], last: bool = False) -> None:
    split = (groups, CHANNELS // groups)
    batch, rank = -1, len(spatial)
    model.add("Reshape", integers(model, batch, *((*spatial, *split) if last else (*split, *spatial))))
    swapped = [0, *range(1, rank + 1), rank + 2, rank + 1] if last else [0, 2, 1, *range(3, rank + 3)]
    model.add("Transpose", perm=swapped)
    model.add("Reshape", integers(model, batch, *((*spatial, CHANNELS) if last else (CHANNELS, *spatial))))


@pytest.mark.parametrize("groups", [2, 3, 4])
@pytest.mark.parametrize("before", [True, False], ids=["of signs", "of sums"])
def test_a_channel_shuffle_is_a_permutation_of_channels(groups: int, before: bool, tmp_path: Path) -> None:
    model = stem(before)
    shuffle(model, groups, (5, 6))
    network = mapped_as_onnxruntime(finished(model, CHANNELS, not before), tmp_path, (3, 5, 6))
    (take,) = (node for node in network.nodes if isinstance(node, Take))
    assert take.along[0].tolist() == np.arange(CHANNELS).reshape(groups, -1).T.reshape(-1).tolist()


def test_a_shuffle_of_a_series_of_a_vector_and_of_channels_that_are_last(tmp_path: Path) -> None:
    series = Model((CHANNELS, 9))
    shuffle(series, 3, (9,))
    series.add("Conv", signs(2, 10, CHANNELS, 3))
    mapped_as_onnxruntime(series, tmp_path, (CHANNELS, 9))
    vector = Model((CHANNELS,))
    shuffle(vector, 4, ())
    vector.add("MatMul", signs(2, CHANNELS, 3))
    mapped_as_onnxruntime(vector, tmp_path, (CHANNELS,))
    last = stem(True)
    last.add("Transpose", perm=[0, 2, 3, 1])
    shuffle(last, 4, (5, 6), last=True)
    last.add("Transpose", perm=[0, 3, 1, 2])
    mapped_as_onnxruntime(finished(last, CHANNELS, False), tmp_path, (3, 5, 6))


def refusal(model: Model, folder: Path) -> str:
    with pytest.raises(ModelError) as found:
        read_network(model.save(folder), ReadOptions("int8"))
    return str(found.value)


@pytest.mark.parametrize(
    ("take", "why"),
    [
        (a_slice((1,), (2,), (0,), (1,)), "takes samples of the batch apart"),
        (a_slice((3,), (3,), (1,), (1,)), "takes nothing"),
        (a_slice((3, 4), (5, 6), (1, 1), (1, 1)), "names an axis twice"),
        (a_slice((3,), (5,), (7,), (1,)), "names an axis that is not there"),
        (lambda model: model.add("Gather", model.constant(0, np.int64), axis=0), "takes one sample out of the batch"),
        (lambda model: model.add("Gather", integers(model, 0, 0), axis=0), "takes samples of the batch apart"),
        (lambda model: model.add("Gather", integers(model, CHANNELS), axis=1), "that an axis of 12 does not have"),
        (lambda model: model.add("Reshape", integers(model, -1, 3, 4, 5, 6)), "a value with 4 axes behind the batch"),
    ],
)
def test_what_is_refused_says_why(take: Callable[[Model], str], why: str, tmp_path: Path) -> None:
    model = stem(True)
    take(model)
    assert why in refusal(finished(model, CHANNELS, False), tmp_path)


@pytest.mark.parametrize("before", [True, False], ids=["of signs", "of one scale"])
def test_a_permutation_that_mixes_channels_with_columns(before: bool, tmp_path: Path) -> None:
    """Elements are taken one by one; where every channel is worth something else, the signs are."""
    model = stem(True) if before else Model((CHANNELS, 5, 6))
    model.add("Reshape", integers(model, -1, CHANNELS, 5, 3, 2))
    model.add("Transpose", perm=[0, 1, 4, 2, 3])
    model.add("Reshape", integers(model, -1, CHANNELS * 2, 5, 3))
    shape = (3, 5, 6) if before else (CHANNELS, 5, 6)
    mapped_as_onnxruntime(finished(model, CHANNELS * 2, not before), tmp_path, shape)


@pytest.mark.parametrize("joined", [(CHANNELS * 9, 3, 4), (CHANNELS, 27, 4), (CHANNELS * 108,)], ids=str)
def test_windows_that_matrices_of_places_gather(joined: tuple[int, ...], tmp_path: Path) -> None:
    """What torch.unfold is exported as."""
    model = stem(True)
    rows, columns = (np.arange(3)[:, np.newaxis] + np.arange(extent) for extent in (3, 4))
    model.add("Gather", model.constant(rows, np.int64), axis=2)
    model.add("Gather", model.constant(columns, np.int64), axis=4)
    model.add("Transpose", perm=[0, 1, 2, 4, 3, 5])
    model.add("Reshape", integers(model, -1, *joined))
    if len(joined) == 3:
        finished(model, joined[0], True)
    else:
        model.sign()
        model.add("MatMul", signs(2, joined[0], 3))
    mapped_as_onnxruntime(model, tmp_path, (3, 5, 6))


def test_the_whole_batch_may_be_sliced(tmp_path: Path) -> None:
    model = stem(True)
    a_slice((0, 2), (2**63 - 1, 9), (0, 1), (1, 1))(model)
    mapped_as_onnxruntime(finished(model, 7, False), tmp_path, (3, 5, 6))


@pytest.mark.parametrize("mode", ["edge", "reflect", "wrap"])
@pytest.mark.parametrize("first", [False, True])
def test_a_map_padded_with_its_own_elements(mode: str, first: bool, tmp_path: Path) -> None:
    model = Model((2, 6, 5), opset=19)
    if not first:
        model.add("Conv", signs(0, 2, 2, 3, 3), pads=[1] * 4)
        model.sign(at_least=True)
    model.add("Pad", model.constant([0, 0, 2, 1, 0, 0, 1, 3], np.int64), mode=mode)
    model.add("Conv", signs(1, 4, 2, 3, 3))
    model.sign(at_least=True)
    model.add("Flatten")
    model.add("MatMul", signs(2, 4 * 7 * 7, 3))
    mapped_as_onnxruntime(model, tmp_path, (2, 6, 5))


def test_a_reflection_longer_than_its_axis_is_refused(tmp_path: Path) -> None:
    model = Model((2, 3))
    model.add("Pad", model.constant([0, 0, 3, 0, 0, 0], np.int64), mode="reflect")
    model.add("Conv", signs(1, 4, 2, 3))
    with pytest.raises(ModelError, match="pads an axis of 3 by more than 2"):
        read_network(model.save(tmp_path), ReadOptions("int8"))


# A layer's weights, and the shape under which its signs, each channel with a threshold of its own, go on.
REGROUPED = {
    "a vector as a map": ((12, 32), (2, 4, 4)),
    "a vector as channels": ((12, 24), (4, 6)),
    "channels as rows of a map": ((6, 2, 3), (1, 6, 10)),
}


@pytest.mark.parametrize("quantised", [False, True])
@pytest.mark.parametrize("name", REGROUPED)
def test_levels_go_on_under_other_channels(name: str, quantised: bool, tmp_path: Path) -> None:
    """What led to them differs between channels; the levels themselves do not. Signs are packed bits again."""
    weights, shape = REGROUPED[name]
    features = (12,) if len(weights) == 2 else (weights[1], shape[-1] + weights[2] - 1)
    model, rng = Model(features), np.random.default_rng(3)
    model.add("MatMul" if len(weights) == 2 else "Conv", signs(0, *weights))
    channels = weights[1] if len(weights) == 2 else weights[0]
    each = (channels,) if len(weights) == 2 else (channels, 1)
    model.add("Sub", rng.normal(0, 100, each).astype(np.float32))
    if quantised:
        for operator in ("QuantizeLinear", "DequantizeLinear"):
            model.add(operator, model.constant(16.0), model.constant(3, np.int8))
    else:
        model.sign(at_least=True)
    model.add("Reshape", integers(model, -1, *shape))
    model.add("Conv", signs(1, 4, shape[0], *[2] * (len(shape) - 1)))
    model.sign(at_least=True)
    model.add("Flatten")
    model.add("MatMul", signs(2, 4 * int(np.prod([extent - 1 for extent in shape[1:]])), 3))
    network = mapped_as_onnxruntime(model, tmp_path, features)
    last = network.linear[1]
    assert network.tensors[last.sources[0]].kind is (Kind.INTEGERS if quantised else Kind.BITS)
