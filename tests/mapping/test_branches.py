"""Networks with branches and integer layers: what is joined, what is refused, what takes no synapse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgebnn.codegen.artefacts import measure
from edgebnn.emulator.fast import FastPath
from edgebnn.errors import ModelError
from edgebnn.mapping.cells import cells_csv
from edgebnn.mapping.memory_map import memory_map_json, memory_map_markdown, stage_kind
from edgebnn.mapping.plan import CopyStage, Int8Stage, LinearStage
from edgebnn.network import Kind, Tensor, WeightKind, Window, interpret
from tests.builder import Builder
from tests.mapping.test_planner import mapped_on
from tests.networks import random_inputs

PIXEL = Window((1, 1), (1, 1), (1, 1), (0, 0), (0, 0))


def bits(shape: tuple[int, ...] = (4, 3, 3)) -> Builder:
    return Builder(Tensor("x", Kind.BITS, shape, -1, 1), np.random.default_rng(0))


def test_a_threshold_joins_its_layer_only_where_nobody_else_reads_the_sums() -> None:
    builder = bits()
    builder.linear(4, window=PIXEL)
    sums = builder.last
    builder.threshold()
    builder.linear(4, window=PIXEL)
    alone = mapped_on(builder.network()).plan
    assert [(stage.node, bool(getattr(stage, "steps", None))) for stage in alone.stages] == [
        ("linear_0", True),
        ("linear_2", False),
    ]
    builder.add(sums)
    shared = mapped_on(builder.network()).plan
    assert [stage.node for stage in shared.stages] == ["linear_0", "threshold_1", "linear_2", "add_3"]


def test_sums_that_a_branch_still_needs_keep_their_place() -> None:
    builder = bits()
    builder.linear(4, window=PIXEL)
    sums = builder.last
    for _ in range(3):
        builder.threshold()
        builder.linear(4, window=PIXEL)
    builder.add(sums)
    plan = mapped_on(builder.network()).plan
    (kept,) = (buffer for buffer in plan.buffers if buffer.tensor == sums.name)
    assert (kept.first, kept.last) == (0, len(plan.stages) - 1)


def test_a_join_is_a_copy_for_each_of_its_tensors() -> None:
    builder = bits()
    builder.threshold()
    first = builder.last
    builder.resume(builder.input)
    builder.concat([first, builder.input])
    builder.linear(2, window=PIXEL)
    copies = [stage for stage in mapped_on(builder.network()).plan.stages if isinstance(stage, CopyStage)]
    assert [(copy.node, copy.first_channel) for copy in copies] == [("concat_1", 0), ("concat_1", 4), ("concat_1", 8)]
    assert len({copy.target for copy in copies}) == 1


@pytest.mark.parametrize(
    ("node", "build"),
    [
        ("add_3", lambda builder: builder.add(builder.last)),
        ("concat_3", lambda builder: builder.concat([builder.last])),
        ("affine_3", lambda builder: builder.affine()),
        ("threshold_3", lambda builder: builder.threshold()),
        ("pool_3", lambda builder: builder.pool(Window())),
        ("sumpool_3", lambda builder: builder.sum_pool(Window())),
    ],
)
def test_only_dense_layers_read_flattened_bits(node: str, build: Callable[[Builder], None]) -> None:
    builder = bits()
    builder.linear(4, window=PIXEL)
    builder.threshold()
    builder.flatten()
    build(builder)
    if builder.last.kind is Kind.BITS:
        builder.linear(2)
    with pytest.raises(
        ModelError, match=rf"node '{node}' reads flattened bits.*only a dense layer.*remove the flatten"
    ):
        mapped_on(builder.network())


@pytest.mark.parametrize("kind", [Kind.BITS, Kind.TRITS, Kind.INTEGERS])
def test_elements_are_taken_from_maps_and_from_flattened_maps_alike(kind: Kind) -> None:
    """Flattened bits lie as a map, whose channels are a bit's place in it; every format, and slices of every axis."""
    low, high = (-1, 1) if kind is not Kind.INTEGERS else (-300, 300)
    builder = Builder(Tensor("x", kind, (35, 3, 4), low, high), np.random.default_rng(0))
    builder.take((40, 2, 4))
    builder.flatten()
    builder.take((70,))
    builder.linear(3)
    network = builder.network()
    mapped = mapped_on(network)
    x = random_inputs(network, 0, 5)
    assert np.array_equal(FastPath(mapped).run(x), interpret(network, x))
    assert [stage_kind(stage) for stage in mapped.plan.stages] == ["take", "take", "dense"]


@pytest.mark.parametrize("target", ["cortex-m4", "rram130"])
def test_bits_that_are_read_as_a_vector_alone_lie_as_one(target: str) -> None:
    """Whether they come in or a step function makes them; those of a layer's own steps lie as a map."""
    builder = bits((1, 7, 11))
    builder.take((1, 6, 11))
    builder.threshold()
    builder.flatten()
    builder.linear(3)
    stepped = builder.network()
    builder = bits((2, 7, 11))
    builder.flatten()
    builder.add(builder.last)
    builder.linear(3)
    given = builder.network()
    for network in (stepped, given):
        x = random_inputs(network, 0, 5)
        assert np.array_equal(FastPath(mapped_on(network, target)).run(x), interpret(network, x))
    plan = mapped_on(stepped, target).plan
    assert [buffer.bytes for buffer in plan.buffers] == [4 * 66, 12]
    assert mapped_on(given, target).plan.input_bytes == 20  # 154 bits


def test_8_bit_weights_take_flash_and_no_synapse() -> None:
    builder = bits()
    builder.linear(40, WeightKind.INT8, PIXEL)
    builder.threshold()
    builder.linear(3, window=PIXEL)
    mapped = mapped_on(builder.network())
    first, second = mapped.plan.stages
    assert isinstance(first, Int8Stage) and isinstance(second, LinearStage)
    assert mapped.plan.banks == 2 and second.tiles[0].bank == 0
    assert first.scratch is not None and first.scratch.bytes == 2 * 4  # the CPU gathers four inputs of 16 bits
    assert second.scratch is None  # the macro gathers its own
    files = {
        "memory_map.csv": cells_csv(mapped),
        "memory_map.json": memory_map_json(mapped),
        "weights.bin": mapped.image,
    }
    memory = measure(files, None)
    assert memory.synapses == 3 * 40
    assert {name: (layer.synapses, layer.weight_bytes) for name, layer in memory.layers.items()} == {
        "linear_0": (0, 160),
        "linear_2": (120, 24),
    }
    assert b"| conv2d, int8 | 40 | 4 | 0 | 160 B | none | none |" in memory_map_markdown(mapped)
