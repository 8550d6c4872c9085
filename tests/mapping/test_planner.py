"""A plan puts every tensor where nothing else lives and every weight into exactly one cell."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target
from edgebnn.errors import FitError, TargetError
from edgebnn.mapping.allocation import LINEAR, Allocation
from edgebnn.mapping.cells import cell_blocks, cells_csv, synapses_in_csv
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.memory_map import memory_map_json, memory_map_markdown
from edgebnn.mapping.plan import Tile, WindowPlan, scratch_of
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.record import binary_files, decode, encode, record_of, restore
from edgebnn.mapping.subsets import strip_values, subset_shape
from edgebnn.mapping.tensor_layouts import layout_of
from edgebnn.network import Encoding, Input, Kind, Linear, Network, Tensor, WeightKind, Window
from tests.networks import Builder, networks

PROVENANCE = Provenance(
    version="0", options="compile", model_name="random", model_sha256="0", target_name="t", target_sha256="0"
)


def mapped_on(
    network: Network, target: str | Target = "rram130", allocation: Allocation = LINEAR
) -> MappedNetwork:  # fmt: skip
    chip = load_target(target) if isinstance(target, str) else target
    provenance = msgspec.structs.replace(
        PROVENANCE, model_sha256=network.model_sha256, target_name=chip.name, target_sha256=chip.sha256
    )
    return map_network(network, chip, provenance, allocation)


def dense(inputs: int, neurons: int) -> Network:
    rng = np.random.default_rng(0)
    source = Tensor("x", Kind.BITS, (inputs,), -1, 1)
    output = Tensor("scores", Kind.SCORES, (neurons,), -inputs, inputs)
    weights = rng.choice(np.array([-1, 1], np.int8), size=(neurons, inputs))
    return Network(
        "dense",
        (Input(source, Encoding("int8")),),
        (Linear("fc", ("x",), output, weights, WeightKind.BINARY),),
        "0" * 64,
    )


@given(networks(), st.sampled_from(["cortex-m4", "rram130"]))
def test_what_is_needed_at_the_same_time_never_overlaps(network: Network, target: str) -> None:
    """Tensors, and what a kernel works in while its stage runs; the memory map says what the busiest stage needs."""
    mapped = mapped_on(network, target)
    plan = mapped.plan
    needed: list[int] = []
    for index, stage in enumerate(plan.stages):
        scratch = scratch_of(stage)
        held = [(buffer.offset, buffer.bytes) for buffer in plan.buffers if buffer.first <= index <= buffer.last]
        held += [(scratch.offset, scratch.bytes)] if scratch else []
        end = 0
        for offset, size in sorted(held):
            assert offset % 4 == 0 and offset >= end
            end = offset + size
        assert end <= plan.work_bytes
        needed.append(sum(size for _, size in held))
    work_area = json.loads(memory_map_json(mapped))["work_area"]
    assert work_area["least_bytes"] == plan.least_work_bytes == max(needed) <= plan.work_bytes
    assert work_area["gap_bytes"] == plan.work_bytes - max(needed)
    larger = f"{work_area['gap_bytes']} bytes larger" if work_area["gap_bytes"] else "as small"
    assert f"needs {max(needed)} bytes at once" in memory_map_markdown(mapped).decode()
    assert f"and this one is {larger}." in memory_map_markdown(mapped).decode()


@given(networks())
def test_the_memory_map_holds_every_weight_once_and_with_its_value(network: Network) -> None:
    mapped = mapped_on(network)
    layers = [node for node in network.linear if node.weight_kind is not WeightKind.INT8]
    seen = {node.name: np.full((node.neurons, node.fan_in), 9, dtype=np.int8) for node in layers}
    cells = set()
    for block in cell_blocks(mapped):
        for (row, index), value in np.ndenumerate(block.values):
            cell = (block.bank, block.row + row * block.row_step, block.column + index)
            assert cell not in cells
            assert cell[1] < 32 and cell[2] < 32
            cells.add(cell)
            seen[block.layer][block.neuron + row, block.input + index * block.input_step] = value
    for node in layers:
        assert np.array_equal(seen[node.name], node.weights.reshape(node.neurons, -1))


@given(networks())
def test_synapses_read_from_the_csv_are_the_planned_ones(network: Network) -> None:
    for target in ("rram130", "cortex-m4"):
        assert synapses_in_csv(cells_csv(mapped_on(network, target))) == {
            node.name: node.weights.size for node in network.linear if node.weight_kind is not WeightKind.INT8
        }


@given(networks())
@settings(max_examples=25)
def test_the_memory_map_of_flash_says_which_bit_of_the_image_is_which_weight(network: Network) -> None:
    assert_the_map_of_flash_is_right(mapped_on(network, "cortex-m4"))


@pytest.mark.parametrize("inputs", [400, 1024])
def test_halves_of_words_are_in_the_memory_map_and_come_back_from_a_record(inputs: int) -> None:
    network = dense(inputs, 16)
    mapped = mapped_on(network, "cortex-m4")
    assert [stage.kernel for stage in mapped.linear_stages.values()] == ["halves"]
    assert_the_map_of_flash_is_right(mapped)
    again = restore(decode(encode(record_of(mapped, None, {})), "x"), binary_files(mapped), "x")
    assert again.plan == mapped.plan
    assert_same(again.network.nodes[0], network.nodes[0])


def assert_the_map_of_flash_is_right(mapped: MappedNetwork) -> None:
    network, words = mapped.network, np.frombuffer(mapped.image, "<u4")
    layers = {node.name: node for node in network.linear}
    for line in csv.DictReader(io.StringIO(cells_csv(mapped).decode())):
        node = layers[line["layer"]]
        flat = node.weights.reshape(node.neurons, -1)
        numbers = [[int(text, 16) for text in line[name].split()] for name in ("sign", "nonzero")]
        first, bit, word_step, count = (int(line[name]) for name in ("word", "bit", "word_step", "count"))
        for row, sign in enumerate(numbers[0]):
            step = int(line["input_step"])
            if line["along"] == "inputs":
                values = flat[int(line["neuron"]) + row, int(line["input"]) + np.arange(count) * step].tolist()
            else:
                values = flat[int(line["neuron"]) + np.arange(count), int(line["input"]) + row * step].tolist()
            assert [sign >> i & 1 for i in range(count)] == [value > 0 for value in values]
            held = [int(words[first + row * word_step + i // 32]) >> i % 32 & 1 for i in range(bit, bit + count)]
            assert held == [value > 0 for value in values]
            if node.weight_kind is WeightKind.TERNARY:
                assert [numbers[1][row] >> i & 1 for i in range(count)] == [value != 0 for value in values]
        assert len(numbers[0]) == int(line["rows"])


def test_without_a_kernel_that_gathers_there_is_no_scratch() -> None:
    plan = mapped_on(dense(40, 4)).plan
    assert not any(map(scratch_of, plan.stages)) and plan.work_bytes == 0


def test_kernels_work_where_tensors_of_other_stages_lie() -> None:
    """The first layer's kernel needs most, and later tensors take its place: the plan is the busiest stage's."""
    builder = Builder(Tensor("x", Kind.INTEGERS, (16,), -128, 127), np.random.default_rng(0))
    for neurons in (64, 96, 32):
        builder.linear(neurons)
        builder.threshold()
    builder.linear(4)
    plan = mapped_on(builder.network(), "cortex-m4").plan
    scratches = [scratch for scratch in map(scratch_of, plan.stages) if scratch]
    assert len(scratches) > 1
    ends = max(buffer.offset + buffer.bytes for buffer in plan.buffers)
    assert plan.work_bytes == plan.least_work_bytes < ends + max(scratch.bytes for scratch in scratches)


@given(st.data())
def test_a_strip_is_as_wide_as_its_bound_allows_and_no_wider_than_the_map(data: st.DataObject) -> None:
    """Of columns, in pairs where sums share words: what a strip's windows see has a place in the work area."""
    height, width, channels = (data.draw(st.integers(1, most)) for most in (4, 60, 40))
    kernel, stride = (data.draw(st.integers(1, 3)) for _ in range(2))
    builder = Builder(Tensor("x", Kind.INTEGERS, (channels, height + 2, width + 2), 0, 3), np.random.default_rng(0))
    builder.linear(8, window=Window((kernel, kernel), (stride, stride), (1, 1), (0, 0), (0, 0)))
    node = builder.network().linear[0]
    window = WindowPlan(kernel=(kernel, kernel), stride=(stride, stride))
    shape = subset_shape(node, window, layout_of(builder.input), layout_of(node.output))
    columns = node.output.shape[-1]
    words = {strip: strip_values(shape._replace(strip=strip), 1) for strip in (shape.strip, shape.strip + shape.lanes)}
    assert shape.strip % shape.lanes == 0 and shape.strip < columns + shape.lanes
    assert words[shape.strip] <= 640 or shape.strip == shape.lanes
    assert words[shape.strip + shape.lanes] > 640 or shape.strip >= columns


def test_no_line_of_the_memory_map_is_longer_than_spreadsheets_take() -> None:
    lines = cells_csv(mapped_on(dense(40_000, 70), "cortex-m4")).splitlines()
    assert max(map(len, lines)) < 1 << 15


@given(networks())
def test_a_record_restores_the_same_network(network: Network) -> None:
    network = dataclasses.replace(network, notes=("read this",), score_error=0.1, quantised=("a layer",))
    mapped = mapped_on(network)
    again = restore(decode(encode(record_of(mapped, None, {})), "x"), binary_files(mapped), "x")
    assert again.plan == mapped.plan
    assert_same(dataclasses.replace(again.network, nodes=network.nodes, inputs=network.inputs), network)
    pairs = zip((*network.inputs, *network.nodes), (*again.network.inputs, *again.network.nodes), strict=True)
    for one, other in pairs:
        assert type(one) is type(other)
        assert_same(one, other)


def assert_same(one: Any, other: Any) -> None:
    """Equal fields, arrays of the same type."""
    for field in dataclasses.fields(one):
        ours, theirs = getattr(one, field.name), getattr(other, field.name)
        if dataclasses.is_dataclass(ours) and not isinstance(ours, Tensor | Window):
            assert_same(ours, theirs)
        elif isinstance(ours, tuple) and any(isinstance(each, np.ndarray) for each in ours):  # of several lengths
            assert len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs)), field.name
        else:
            assert np.array_equal(ours, theirs), field.name
            assert getattr(ours, "dtype", None) == getattr(theirs, "dtype", None)


def test_a_fan_in_spans_banks_and_neurons_are_rows() -> None:
    stage = mapped_on(dense(70, 40)).linear_stages["fc"]
    assert [(t.bank, t.neuron, t.neurons, t.word, t.inputs) for t in stage.tiles] == [
        (0, 0, 32, 0, 32),
        (1, 0, 32, 1, 32),
        (2, 0, 32, 2, 6),
        (3, 32, 8, 0, 32),
        (4, 32, 8, 1, 32),
        (5, 32, 8, 2, 6),
    ]


def test_too_many_banks_are_refused_with_numbers_and_options() -> None:
    with pytest.raises(FitError, match=r"needs 4128 RRAM banks of 4096.*'fc'.*array\.banks=8192.*cortex-m4"):
        mapped_on(dense(129 * 32, 32 * 32))


def test_a_fan_in_beyond_the_parallel_banks_is_refused() -> None:
    with pytest.raises(FitError, match=r"needs 1025 RRAM banks added up at once of 1024.*'fc'"):
        mapped_on(dense(1024 * 32 + 1, 1))


def test_too_much_sram_is_refused_with_numbers() -> None:
    source = Tensor("x", Kind.INTEGERS, (1, 1024, 1024), 0, 255)
    output = Tensor("scores", Kind.SCORES, (1, 1024, 1024), -255, 255)
    window = Window((1, 1), (1, 1), (1, 1), (0, 0), (0, 0))
    layer = Linear("conv", ("x",), output, np.ones((1, 1, 1, 1), np.int8), WeightKind.BINARY, window)
    with pytest.raises(FitError, match=r"needs \d+ bytes of SRAM .*of 262144"):
        mapped_on(Network("big", (Input(source, Encoding("uint8")),), (layer,), "0" * 64))


def test_a_policy_needs_rram_and_must_exist() -> None:
    with pytest.raises(FitError, match="no RRAM"):
        map_network(dense(4, 4), load_target("cortex-m4"), PROVENANCE, Allocation(policy="strong"))
    with pytest.raises(TargetError, match=r"no programming policy 'gentle'.*strong, nominal"):
        map_network(dense(4, 4), load_target("rram130"), PROVENANCE, Allocation(policy="gentle"))


def test_no_record_of_a_plan_changes() -> None:
    def kinds(parent: type) -> list[type]:
        return [kind for child in parent.__subclasses__() for kind in (child, *kinds(child))]

    records = [kind for kind in kinds(msgspec.Struct) if kind.__module__ == Tile.__module__]
    assert len(records) > 10 and all(kind.__struct_config__.frozen for kind in records)  # type: ignore[attr-defined]


@pytest.mark.parametrize("inputs", [2**16 - 1, 2**16])
def test_a_vector_is_a_row_of_elements_if_a_window_can_be_as_wide(inputs: int) -> None:
    builder = Builder(Tensor("x", Kind.INTEGERS, (inputs,), 0, 3), np.random.default_rng(0))
    builder.linear(1)
    node = builder.network().linear[0]
    shape = subset_shape(node, WindowPlan(), layout_of(builder.input), layout_of(node.output))
    assert (shape.input.width == inputs) == (inputs < 2**16)


def test_the_memory_map_has_a_block_for_each_tile_whose_inputs_follow_each_other() -> None:
    mapped = mapped_on(dense(100, 70), "rram130")
    assert len(list(cell_blocks(mapped))) == len(mapped.linear_stages["fc"].tiles)
