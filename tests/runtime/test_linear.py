"""Layers of dot products: sizes around the words, windows, groups, alphabets of inputs and weights, step functions."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.emulator import lists
from edgebnn.emulator.descriptors import PanelsDescriptor, host_library
from edgebnn.emulator.program import program_of
from edgebnn.mapping import kernels, stages
from edgebnn.mapping.kernels import Choice
from edgebnn.mapping.plan import LinearStage
from edgebnn.network import Kind, Network, Tensor, WeightKind, Window, interpret
from tests.networks import Builder, random_inputs
from tests.runtime.agreement import assert_runtime_agrees
from tests.runtime.firmware_calls import GuardedBuffer, map_on_host, run_like_firmware, run_stage

BINARY, TERNARY = WeightKind.BINARY, WeightKind.TERNARY

INPUTS = {
    "bits": (Kind.BITS, -1, 1),
    "trits": (Kind.TRITS, -1, 1),
    "int8": (Kind.INTEGERS, -128, 127),
    "uint8": (Kind.INTEGERS, 0, 255),
    "int12": (Kind.INTEGERS, -2048, 2047),
    "int16": (Kind.INTEGERS, -32768, 32767),
    "uint16": (Kind.INTEGERS, 0, 65535),
    "uint1": (Kind.INTEGERS, 0, 1),
}


def builder_of(shape: tuple[int, ...], kind: str = "bits", seed: int = 1) -> Builder:
    return Builder(Tensor("x", INPUTS[kind][0], shape, *INPUTS[kind][1:]), np.random.default_rng(seed))


def built(builder: Builder) -> Network:
    return builder.network()


@pytest.mark.parametrize("fan_in", [1, 2, 31, 32, 33, 64, 255, 256, 257, 1000])
@pytest.mark.parametrize("weights", [BINARY, TERNARY])
@pytest.mark.parametrize("kind", ["bits", "trits", "int12"])
def test_dense_layers_of_any_fan_in(fan_in: int, weights: WeightKind, kind: str) -> None:
    builder = builder_of((fan_in,), kind)
    builder.linear(7, weights)
    assert_runtime_agrees(built(builder))


@pytest.mark.parametrize("neurons", [1, 2, 3, 4, 5, 31, 32, 33, 70])
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_tiles_of_any_number_of_neurons_and_samples(neurons: int, batch: int) -> None:
    builder = builder_of((100,))
    builder.linear(neurons)
    assert_runtime_agrees(built(builder), batch=batch)


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("weights", [BINARY, TERNARY])
def test_every_kind_of_input_plane_by_plane(kind: str, weights: WeightKind) -> None:
    builder = builder_of((5, 6, 7), kind)
    builder.linear(9, weights, Window((3, 2), (1, 1), (1, 1), (0, 0), (0, 0)))
    assert_runtime_agrees(built(builder))


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
@pytest.mark.parametrize("kind", ["bits", "trits", "int8"])
@pytest.mark.parametrize("weights", [BINARY, TERNARY])
@pytest.mark.parametrize("channels", [1, 3, 32, 40, 64])
def test_padding_is_an_input_of_its_value_and_zero_is_none(
    pad_value: int, kind: str, weights: WeightKind, channels: int
) -> None:
    builder = builder_of((channels, 4, 5), kind)
    builder.linear(5, weights, Window((3, 3), (1, 1), (1, 1), (1, 2), (2, 1)), pad_value=pad_value)
    assert_runtime_agrees(built(builder))


def test_a_window_that_stands_in_the_padding_alone() -> None:
    builder = builder_of((3, 1))
    builder.linear(4, window=Window((1,), (1,), (1,), (2,), (3,)), pad_value=0)
    assert_runtime_agrees(built(builder))


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
def test_a_window_as_large_as_the_map_that_stands_in_the_padding_too(pad_value: int) -> None:
    # half of the map is +1, and the window sees that half and a row of padding, not the map
    builder = builder_of((50, 2, 3))
    builder.linear(50, TERNARY, Window((2, 3), (3, 3), (1, 1), (1, 0), (1, 0)), pad_value=pad_value)
    x = np.ones((2, 50, 2, 3), np.int8)
    x[0, :, 1] = x[1, :, 0] = -1
    assert_runtime_agrees(built(builder), x)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2, 4])
@pytest.mark.parametrize("pad", [(0, 0), (3, 1), (0, 4)])
@pytest.mark.parametrize("channels", [2, 32])
def test_strides_and_dilations(stride: int, dilation: int, pad: tuple[int, int], channels: int) -> None:
    builder = builder_of((channels, 13, 11))
    window = Window((3, 2), (stride, 2), (dilation, dilation), (pad[0], 0), (pad[1], 1))
    builder.linear(6, window=window)
    assert_runtime_agrees(built(builder))


@pytest.mark.parametrize(
    ("channels", "groups", "neurons"), [(4, 2, 6), (6, 6, 6), (40, 40, 80), (64, 2, 10), (66, 3, 3), (33, 3, 6)]
)
@pytest.mark.parametrize("kind", ["bits", "trits", "uint8"])
@pytest.mark.parametrize("weights", [BINARY, TERNARY])
def test_groups_and_depthwise_layers(channels: int, groups: int, neurons: int, kind: str, weights: WeightKind) -> None:
    builder = builder_of((channels, 5, 4), kind)
    builder.linear(neurons, weights, Window((2, 3), (1, 1), (1, 1), (1, 1), (0, 1)), groups)
    builder.threshold()
    builder.linear(3, window=Window((2, 2), (1, 1), (1, 1), (0, 0), (0, 0)))
    assert_runtime_agrees(built(builder))


@pytest.mark.parametrize(("kind", "steps"), [(Kind.BITS, 1), (Kind.TRITS, 2), (Kind.INTEGERS, 1), (Kind.INTEGERS, 7)])
@pytest.mark.parametrize("neurons", [1, 31, 32, 33, 65])
def test_step_functions_behind_a_layer_in_both_directions(kind: Kind, steps: int, neurons: int) -> None:
    builder = builder_of((63,))
    builder.linear(neurons, TERNARY)
    builder.threshold(kind, steps)
    builder.linear(4, TERNARY)
    assert_runtime_agrees(built(builder), batch=20)


@pytest.mark.parametrize("channels", [1, 5, 32, 33])
@pytest.mark.parametrize("kind", [Kind.BITS, Kind.TRITS])
def test_a_flattened_map_reaches_a_dense_layer_without_being_moved(channels: int, kind: Kind) -> None:
    builder = builder_of((3, 6, 5), "int8")
    builder.linear(channels, window=Window((2, 2), (1, 1), (1, 1), (0, 0), (0, 0)))
    builder.threshold(kind)
    builder.flatten()
    builder.linear(8)
    builder.affine()
    assert_runtime_agrees(built(builder))


@pytest.mark.parametrize("weights", [BINARY, TERNARY])
@pytest.mark.parametrize(("kind", "value"), [("bits", -1), ("bits", 1), ("trits", -1), ("trits", 1), ("uint8", 255)])
def test_counts_stay_exact_where_every_counter_is_as_full_as_it_can_be(
    weights: WeightKind, kind: str, value: int
) -> None:
    # more than twice 4095 octets: counters of 8 and of 16 bits that were not widened in time would overflow
    fan_in = 2 * 4095 * 8 + 17
    builder = builder_of((fan_in,), kind)
    builder.linear(34, weights)
    network = built(builder)
    (layer,) = network.linear
    ones = np.ones_like(layer.weights)
    ones[1] = -1
    if weights is TERNARY:
        ones[:, 3] = 0
    extreme = network.with_weights({layer.name: ones})
    assert_runtime_agrees(extreme, np.full((5, fan_in), value, np.int16))


def test_int16_extremes_reach_the_ends_of_the_accumulator() -> None:
    builder = builder_of((65535,), "int16")
    builder.linear(2)
    network = built(builder)
    (layer,) = network.linear
    weights = np.ones_like(layer.weights)
    weights[1] = -1
    # 65,535 times -32,768 is within 32,768 of the smallest int32, and its opposite as close to the largest
    assert_runtime_agrees(network.with_weights({layer.name: weights}), np.full((1, 65535), -32768, np.int16))


def test_bits_behind_the_last_channel_are_written_as_zero() -> None:
    for kind in (Kind.BITS, Kind.TRITS):
        builder = builder_of((20,))
        builder.linear(33)
        builder.threshold(kind)
        builder.linear(1)
        mapped = map_on_host(built(builder))
        stage = mapped.plan.stages[0]
        source, target = GuardedBuffer(4), GuardedBuffer(stage.output.bytes)
        source.bytes[:] = 0
        assert run_stage(stage, mapped.image, [source.address], target.address)[0] == 0
        words = target.bytes.view(np.uint32).reshape(-1, 2)
        assert np.all(words[:, 1] < 2), f"{kind}: bits behind channel 33"


@pytest.fixture
def by_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """All layers are counted row by row, whatever would take fewer instructions."""
    monkeypatch.setattr(stages, "choose_kernel", lambda *_: Choice("rows", "asked for"))


@pytest.mark.usefixtures("by_rows")
@pytest.mark.parametrize("words", [*range(1, 19), 63, 64, 65, 130])
@pytest.mark.parametrize("weights", [BINARY, TERNARY])
def test_rows_of_any_number_of_words(words: int, weights: WeightKind) -> None:
    builder = builder_of((32 * words - words % 3,))
    builder.linear(35, weights)
    builder.threshold()
    builder.linear(3)
    network = built(builder)
    first = network.linear[0]
    signs = np.array(first.weights)
    signs[:2] = [[-1], [1]]  # all products -1 and +1: every plane of the count is as full as it can be
    network = network.with_weights({first.name: signs})
    x = np.where(np.random.default_rng(3).random((4, first.fan_in)) < [[0], [1], [0.5], [0.5]], 1, -1).astype(np.int8)
    np.testing.assert_array_equal(run_like_firmware(map_on_host(network), x), interpret(network, x))


@pytest.mark.usefixtures("by_rows")
@pytest.mark.parametrize("channels", [32, 40, 64])
@pytest.mark.parametrize("kind", [Kind.BITS, Kind.TRITS, Kind.INTEGERS])
@pytest.mark.parametrize(
    ("shape", "window"),
    [
        ((9,), Window((3,), (2,), (1,), (0,), (0,))),
        ((9,), Window((3,), (1,), (1,), (1,), (2,))),
        ((9,), Window((2,), (1,), (2,), (0,), (0,))),
        ((6, 5), Window((2, 5), (1, 1), (1, 1), (0, 0), (0, 0))),  # whole rows of the map, one behind the other
        ((6, 5), Window((2, 5), (1, 1), (2, 1), (0, 0), (0, 0))),
        ((6, 5), Window((2, 5), (2, 1), (1, 1), (1, 0), (1, 0))),
        ((6, 5), Window((2, 4), (1, 1), (1, 1), (0, 0), (0, 0))),
        ((6, 5), Window((1, 1), (2, 3), (1, 1), (0, 0), (0, 0))),
    ],
)
def test_windows_whose_inputs_lie_in_a_row_or_are_gathered(
    channels: int, kind: Kind, shape: tuple[int, ...], window: Window
) -> None:
    builder = builder_of((channels, *shape))
    builder.linear(33, window=window, pad_value=-1)
    builder.threshold(kind, 7 if kind is Kind.INTEGERS else 2 if kind is Kind.TRITS else 1)
    builder.flatten()
    builder.linear(3)
    network = built(builder)
    x = random_inputs(network, 5, 2)
    np.testing.assert_array_equal(run_like_firmware(map_on_host(network), x), interpret(network, x))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("window", [None, Window((3, 2), (1, 2), (1, 1), (0, 0), (0, 0))])
def test_lists_of_pixels_of_few_channels(channels: int, window: Window | None) -> None:
    builder = builder_of((channels, 6, 5))
    if window is None:
        builder.flatten()
    builder.linear(70, window=window)
    builder.threshold()
    builder.flatten()
    builder.linear(3)
    network = built(builder)
    mapped = map_on_host(network)
    x = np.where(np.random.default_rng(3).random((4, *network.inputs[0].tensor.shape)) < 0.3, 1, -1).astype(np.int8)
    x[2:] = -x[2:]  # more than half are +1
    assert mapped.plan.stages[0].kernel == "list"
    np.testing.assert_array_equal(run_like_firmware(mapped, x), interpret(network, x))


@pytest.mark.parametrize("row_bytes", [32, 64])
@pytest.mark.parametrize("weights", [BINARY, TERNARY])
@pytest.mark.parametrize(("fan_in", "neurons"), [(128, 250), (129, 448), (500, 1000)])
def test_lists_of_active_inputs_whatever_the_density(
    row_bytes: int, weights: WeightKind, fan_in: int, neurons: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "list_bytes", lambda: row_bytes)
    builder = builder_of((fan_in,))
    builder.linear(neurons, weights)
    builder.threshold()
    builder.linear(3)
    network = built(builder)
    assert has_lists(network) == (neurons > 6 * row_bytes)
    rng = np.random.default_rng(2)
    densities = np.linspace(0, 1, 67)[:, np.newaxis]
    x = np.where(rng.random((67, fan_in)) < densities, 1, -1).astype(np.int8)
    assert_runtime_agrees(network, x)


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
@pytest.mark.parametrize("weights", [BINARY, TERNARY])
@pytest.mark.parametrize(("channels", "neurons"), [(40, 200), (64, 200), (40, 120)])
def test_lists_of_windows_that_see_padding(
    pad_value: int, weights: WeightKind, channels: int, neurons: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "list_bytes", lambda: 32)
    builder = builder_of((channels, 5, 4))
    window = Window((3, 2), (1, 2), (2, 1), (2, 1), (1, 0))
    builder.linear(neurons, weights, window, pad_value=pad_value)
    builder.threshold()
    builder.flatten()
    builder.linear(2)
    network = built(builder)
    assert has_lists(network)
    assert_runtime_agrees(network)


@pytest.mark.parametrize("weights", [BINARY, TERNARY])
@pytest.mark.parametrize("steps", [None, 1, 7])
@pytest.mark.parametrize(
    ("fan_in", "neurons", "row_bytes"), [(128, 250, 32), (129, 192, 32), (130, 400, 32), (129, 400, 64), (500, 500, 64)]
)
def test_lists_make_sums_too(
    weights: WeightKind,
    steps: int | None,
    fan_in: int,
    neurons: int,
    row_bytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists, "list_bytes", lambda: row_bytes)
    builder = builder_of((fan_in,))
    builder.linear(neurons, weights)
    if steps is not None:
        builder.threshold(Kind.INTEGERS, steps)
        builder.linear(3)
    network = built(builder)
    assert has_lists(network) == bool(host_library().ebnn_host_sums_by_lists())
    densities = np.linspace(0, 1, 19)[:, np.newaxis]
    x = np.where(np.random.default_rng(2).random((19, fan_in)) < densities, 1, -1).astype(np.int8)
    assert_runtime_agrees(network, x)


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
@pytest.mark.parametrize("weights", [BINARY, TERNARY])
@pytest.mark.parametrize(
    ("neurons", "steps", "row_bytes"), [(200, None, 32), (120, None, 32), (200, 7, 32), (450, 7, 64)]
)
def test_lists_make_sums_of_windows_that_see_padding(
    pad_value: int,
    weights: WeightKind,
    neurons: int,
    steps: int | None,
    row_bytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists, "list_bytes", lambda: row_bytes)
    builder = builder_of((40, 5, 4))
    builder.linear(neurons, weights, Window((3, 2), (1, 2), (2, 1), (2, 1), (1, 0)), pad_value=pad_value)
    if steps is not None:
        builder.threshold(Kind.INTEGERS, steps)
        builder.flatten()
        builder.linear(2)
    network = built(builder)
    assert has_lists(network) == bool(host_library().ebnn_host_sums_by_lists())
    assert_runtime_agrees(network)


@pytest.mark.parametrize("weights", [BINARY, TERNARY])
@pytest.mark.parametrize(("pad_value", "steps"), [(0, True), (0, False), (1, True)])
def test_places_where_nothing_is_are_added_as_numbers(pad_value: int, steps: bool, weights: WeightKind) -> None:
    """Before the map and behind it; windows of which no place is on it; 33 channels make numbers of six planes."""
    builder = builder_of((33, 4, 3))
    window = Window((3, 4), (3, 2), (2, 1), (7, 5), (7, 5))
    builder.linear(70, weights, window, pad_value=pad_value)
    if steps:
        builder.threshold()
        builder.flatten()
        builder.linear(3)
    network = built(builder)
    mapped = map_on_host(network)
    stage = mapped.plan.stages[0]
    assert isinstance(stage, LinearStage)
    assert stage.active is not None
    assert (stage.active.missing is not None) == (pad_value == 0)
    x = np.where(np.random.default_rng(7).random((6, 33, 4, 3)) < 0.4, 1, -1).astype(np.int8)
    x[3:] = -x[3:]  # more than half are +1
    np.testing.assert_array_equal(run_like_firmware(mapped, x), interpret(network, x))


def has_lists(network: Network) -> bool:
    """Whether the batch executor lists the first layer's inputs."""
    layer = program_of(map_on_host(network)).descriptors[0]
    assert isinstance(layer, PanelsDescriptor)
    return layer.lists is not None


@pytest.mark.parametrize(
    ("kind", "kernel", "pool"),
    [("bits", "list", (2, 2)), ("trits", "list", (3, 2)), ("uint8", "subsets", (2, 2)), ("int12", "subsets", (2, 3))],
)
def test_pools_without_a_map_before_them(kind: str, kernel: str, pool: tuple[int, int]) -> None:
    """Both directions, padding, more neurons than a word has bits, rows and columns that fill no pool."""
    builder = builder_of((9, 9, 13), kind)
    builder.linear(40, BINARY, Window((3, 3), (1, 1), (1, 1), (1, 1), (1, 1)))
    builder.threshold()
    builder.pool(Window(pool, pool, (1, 1), (0, 0), (0, 0)))
    builder.flatten()
    builder.linear(3)
    network = built(builder)
    stage, dense = map_on_host(network).plan.stages
    assert isinstance(stage, LinearStage)
    assert (stage.kernel, stage.target == dense.source) == (kernel, True)
    assert_runtime_agrees(network)


@pytest.mark.parametrize("neurons", [9, 16])
@pytest.mark.parametrize("fan_in", [33, 64, 159, 160, 1000])
@pytest.mark.parametrize("steps", [None, 1, 2, 7])
def test_layers_of_up_to_sixteen_neurons(neurons: int, fan_in: int, steps: int | None, always_halves: None) -> None:
    builder = builder_of((fan_in,))
    builder.linear(neurons)
    if steps is not None:
        builder.threshold({1: Kind.BITS, 2: Kind.TRITS}.get(steps, Kind.INTEGERS), steps)
        builder.linear(3)
    network = built(builder)
    densities = np.linspace(0, 1, 19)[:, np.newaxis]
    x = np.where(np.random.default_rng(2).random((19, fan_in)) < densities, 1, -1).astype(np.int8)
    assert kernels_of(network)[0] == "halves"
    assert_runtime_agrees(network, x)


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
@pytest.mark.parametrize("kind", ["bits", "trits"])
@pytest.mark.parametrize(("channels", "pool"), [(32, False), (9, True), (9, False)])
def test_windows_of_up_to_sixteen_neurons(
    pad_value: int, kind: str, channels: int, pool: bool, always_halves: None
) -> None:
    """Windows that see padding, gaps between their places, windows whose inputs lie in a row, pools."""
    builder = builder_of((channels, 9, 7), kind)
    window = (
        Window((3, 7), (1, 1), (1, 1), (0, 0), (0, 0))
        if channels == 32
        else Window((2, 3), (1, 2), (2, 2), (1, 2), (2, 1))
    )
    builder.linear(14, BINARY, window, pad_value=pad_value)
    builder.threshold()
    if pool:
        builder.pool(Window((2, 2), (2, 2), (1, 1), (0, 0), (0, 0)))
    builder.linear(5, BINARY, Window((3, 1), (1, 1), (1, 1), (1, 0), (0, 0)), pad_value=pad_value)
    network = built(builder)
    assert kernels_of(network) == ["halves", "halves"]
    assert_runtime_agrees(network)


def test_halves_are_chosen_where_they_take_fewer_instructions() -> None:
    chosen = {}
    for inputs, neurons in ((1024, 16), (160, 16), (1024, 17), (1024, 8), (32, 16)):
        builder = builder_of((inputs,))
        builder.linear(neurons)
        builder.threshold()
        builder.linear(2)
        chosen[inputs, neurons] = kernels_of(built(builder))[0]
    assert list(chosen.values()) == ["halves", "halves", "list", "rows", "list"]


@pytest.fixture
def always_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel of halves wherever it can do a layer."""
    monkeypatch.setattr(kernels, "_halves_cost", lambda *_: 0)
    monkeypatch.setattr(kernels, "_INSTRUCTIONS_WORTH_ITS_CODE", dict.fromkeys(("rows", "halves", "subsets"), -1))


def kernels_of(network: Network) -> list[str]:
    return [stage.kernel for stage in map_on_host(network).plan.stages if isinstance(stage, LinearStage)]
