"""The macro's C model computes what the interpreter computes, with and without errors, and counts by its rules."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.chip.energy.events import Events
from edgebnn.chip.target.target import READ_REGISTERS, REGISTERS
from edgebnn.emulator.array_events import programming_pulses, run_events
from edgebnn.emulator.sensed_layers import sensed_layers
from edgebnn.emulator.structs import emulator_library
from edgebnn.errors import TargetError
from edgebnn.mapping.plan import LinearStage
from edgebnn.network.interpreter import trace
from edgebnn.network.network import Network
from edgebnn.network.types import (
    Encoding,
    Input,
    Kind,
    Linear,
    Tensor,
    WeightKind,
    Window,
)
from tests.chip.patterns import programmed
from tests.emulator.macro_driver import MacroDriver, on_chip
from tests.emulator.random_banks import banks_with, certain_thresholds, meant_values, random_banks
from tests.networks import Builder, networks, random_inputs


def _dense(weights: list[list[int]], kind: WeightKind, source: Tensor) -> Network:
    rows = np.array(weights, np.int8)
    output = Tensor("scores", Kind.SCORES, (len(rows),), -(10**6), 10**6)
    return Network(
        "one layer", (Input(source, Encoding("int8")),), (Linear("layer", ("x",), output, rows, kind),), "0" * 64
    )


TABLE_OFFSET = 96 * 1024  # into SRAM, between a layer's input and its output

ALL_REGISTERS = REGISTERS + READ_REGISTERS

BITS_4 = Tensor("x", Kind.BITS, (4,), -1, 1)


@settings(max_examples=120)
@given(networks(), st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_every_layer_gives_the_interpreters_values_and_the_closed_forms_events(
    network: Network, seed: int, errors: bool, each_read: bool
) -> None:
    mapped, first = on_chip(network), seed << 15
    banks = random_banks(mapped, seed, each_read) if errors else None
    rules = None if banks is None else sensed_layers(mapped, banks, first)
    values = trace(network, random_inputs(network, seed, batch=3), rules)
    driver = MacroDriver(mapped, banks)
    assert mapped.target.array is not None
    for node in network.linear:
        if node.weight_kind is WeightKind.INT8:
            continue  # on the CPU
        stage = mapped.linear_stages[node.name]
        driver.program(stage)
        pulses = driver.take_events()
        expected = programming_pulses(stage, mapped.image)
        assert pulses == Events(set_pulses=expected.set_pulses, reset_pulses=expected.reset_pulses)
        made = stage.steps.node if stage.steps else node.name
        output = next(other.output for other in network.nodes if other.name == made)
        for sample in range(3):
            driver.model.inference = first + sample
            got = driver.run(stage, values[node.sources[0]][sample])
            assert np.array_equal(got, values[output.name][sample].reshape(-1))
            assert driver.take_events() == run_events(stage, mapped.target.array)


def test_the_roles_in_c_are_the_registers_of_a_target_file() -> None:
    names = [emulator_library().ebnn_macro_role_name(role) for role in range(len(ALL_REGISTERS))]
    assert [name.decode() for name in names] == ALL_REGISTERS
    assert emulator_library().ebnn_macro_role_name(len(ALL_REGISTERS)) is None


def test_a_binary_synapse_whose_sign_is_flipped_counts_as_the_other_sign() -> None:
    mapped = on_chip(_dense([[1, 1, -1, -1]], WeightKind.BINARY, BITS_4))
    values = meant_values(mapped)
    values[0, 0, [0, 2]] *= -1
    driver = MacroDriver(mapped, banks_with(values))
    (stage,) = mapped.linear_stages.values()
    driver.program(stage)
    inputs = np.eye(4, dtype=np.int64) * 2 - 1  # one +1 among -1: sum = 2 w_i - (sum of w)
    sums = [int(driver.run(stage, x)[0]) for x in inputs]
    weights = np.array([-1, 1, 1, -1])
    assert sums == [int(x @ weights) for x in inputs]


def test_a_ternary_synapse_counts_as_what_it_is_read_as() -> None:
    source = dataclasses.replace(BITS_4, kind=Kind.TRITS)
    mapped = on_chip(_dense([[1, -1, 0, 0]], WeightKind.TERNARY, source))
    values = meant_values(mapped)
    values[0, 0, :4] = [0, 0, 1, -1]
    driver = MacroDriver(mapped, banks_with(values))
    (stage,) = mapped.linear_stages.values()
    driver.program(stage)
    assert [int(driver.run(stage, x)[0]) for x in np.eye(4, dtype=np.int64)] == [0, 0, 1, -1]


def test_a_synapse_may_answer_each_input_in_its_own_way() -> None:
    source = dataclasses.replace(BITS_4, kind=Kind.TRITS)
    mapped = on_chip(_dense([[1, 1, 1, 1]], WeightKind.TERNARY, source))
    values = np.repeat(meant_values(mapped)[..., np.newaxis], 2, axis=-1)
    values[0, 0, :4, 0] = [1, -1, 0, 1]  # with an input of -1
    values[0, 0, :4, 1] = [1, 1, 1, 0]  # with an input of +1
    driver = MacroDriver(mapped, programmed(*certain_thresholds(values), seed=0))
    (stage,) = mapped.linear_stages.values()
    driver.program(stage)
    inputs = np.eye(4, dtype=np.int64)
    assert [int(driver.run(stage, -x)[0]) for x in inputs] == [-1, 1, 0, -1]
    assert [int(driver.run(stage, x)[0]) for x in inputs] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    "registers",
    [
        {"program_sign": 0b0111},
        {"program_sign": 0b0011 | 1 << 31},  # behind the last input, and yet not what was drawn for
        {"program_nonzero": 0xFFFF_FFFE, "program_ternary": 1},
        {"program_ternary": 1},
        {"program_row": 1},
        {"program_bank": 1},
    ],
)
def test_a_chip_with_errors_takes_no_other_weights_than_those_that_it_was_drawn_for(registers: dict[str, int]) -> None:
    mapped = on_chip(_dense([[1, 1, -1, -1]], WeightKind.BINARY, BITS_4))
    driver = MacroDriver(mapped, banks_with(meant_values(mapped)))
    driver.program(next(iter(mapped.linear_stages.values())))
    driver.take_events()
    driver.write(**registers)
    assert driver.start(driver.description.commands.program) == (
        "a row was programmed with other weights than those for which the chip's errors were drawn"
    )
    assert driver.take_events() == Events()


def test_it_takes_no_other_zeros_either() -> None:
    source = dataclasses.replace(BITS_4, kind=Kind.TRITS)
    mapped = on_chip(_dense([[1, -1, 0, 0]], WeightKind.TERNARY, source))
    driver = MacroDriver(mapped, banks_with(meant_values(mapped)))
    driver.program(next(iter(mapped.linear_stages.values())))
    driver.write(program_nonzero=0b0111)
    assert "other weights" in str(driver.start(driver.description.commands.program))


def test_the_banks_of_another_network_are_refused() -> None:
    mapped = on_chip(_dense([[1, 1, -1, -1]], WeightKind.BINARY, BITS_4))
    other = on_chip(_dense([[1, 1, -1, -1]] * 33, WeightKind.BINARY, BITS_4))
    with pytest.raises(
        TargetError, match=r"the chip has 2 programmed banks of 32 x 32 synapses, but .* lies in the first 1 of 32 x 32"
    ):
        MacroDriver(mapped, banks_with(meant_values(other)))


def test_a_zero_takes_two_reset_pulses_and_a_sign_one_of_each_in_all_32_columns() -> None:
    source = dataclasses.replace(BITS_4, kind=Kind.TRITS)
    mapped = on_chip(_dense([[1, -1, 0, 0]], WeightKind.TERNARY, source))
    driver = MacroDriver(mapped)
    driver.program(next(iter(mapped.linear_stages.values())))
    assert driver.take_events() == Events(set_pulses=2, reset_pulses=2 + 2 * 30)


def test_the_events_of_a_small_convolution_are_those_counted_by_hand() -> None:
    builder = Builder(Tensor("x", Kind.INTEGERS, (2, 4), -8, 7), np.random.default_rng(0))
    builder.linear(3, WeightKind.BINARY, Window((3,), (1,), (1,), (1,), (1,)))
    builder.threshold(Kind.TRITS)
    mapped = on_chip(_ending_in_trits(builder))
    assert mapped.target.array is not None
    (stage,) = mapped.linear_stages.values()
    driver = MacroDriver(mapped)
    driver.program(stage)
    driver.take_events()
    driver.run(stage, np.zeros((2, 4), np.int64))
    # 4 pixels, 3 neurons, 4 bit planes, 6 inputs in one word; of 12 taps 10 lie inside; a pixel of trits is two words.
    table_words = 3 * 2 + 1 + (1 if stage.steps and stage.steps.directions else 0)
    assert driver.take_events() == Events(
        code_fetches=table_words,
        sram_accesses=10 * 2 + 4 * 2,
        pcsa_reads=4 * 3 * 4 * 32,
        popcounts=4 * 3 * 4,
        thresholds=4 * 3 * 2,
        array_cycles=4 * 3 * 4 + 16,
    )


def test_a_table_in_sram_is_counted_as_words_of_sram() -> None:
    builder = Builder(Tensor("x", Kind.BITS, (4,), -1, 1), np.random.default_rng(0))
    builder.linear(3)
    builder.threshold(Kind.TRITS)
    mapped = on_chip(_ending_in_trits(builder))
    (stage,) = mapped.linear_stages.values()
    driver, found = MacroDriver(mapped), []
    driver.program(stage)
    assert stage.steps is not None and stage.steps.thresholds is not None
    table = stage.steps.thresholds
    assert table.bytes == 3 * 2 * 4
    driver.sram.data[TABLE_OFFSET:][: table.bytes] = np.frombuffer(mapped.image, np.uint8)[table.offset :][
        : table.bytes
    ]
    for moved in (False, True):
        driver.set_layer(stage)
        if moved:
            driver.write(threshold_address=driver.sram.base + TABLE_OFFSET)
        driver.take_events()
        assert driver.start(driver.description.commands.run) is None
        found.append(driver.take_events())
    flash, sram = found
    assert (
        dataclasses.replace(flash, code_fetches=flash.code_fetches - 6, sram_accesses=flash.sram_accesses + 6) == sram
    )


def _ending_in_trits(builder: Builder) -> Network:
    return Network("small", (Input(builder.input, Encoding("int8")),), tuple(builder.nodes), "0" * 64)


def _ready_driver() -> tuple[MacroDriver, LinearStage]:
    mapped = on_chip(_dense([[1, 1, -1, -1]] * 40, WeightKind.BINARY, BITS_4))
    driver = MacroDriver(mapped)
    (stage,) = mapped.linear_stages.values()
    driver.program(stage)
    driver.set_layer(stage)
    return driver, stage


@pytest.mark.parametrize(
    ("registers", "complaint"),
    [
        ({"input_address": 0x1000_0000}, "a tensor does not lie in SRAM"),
        ({"input_address": 0x2003_FFFE}, "a tensor does not lie in SRAM"),
        ({"output_address": 0x2003_FFFC}, "a tensor does not lie in SRAM"),
        ({"output_address": 0x0000_0400}, "a tensor does not lie in SRAM"),
        ({"output_address": 0x2000_0000}, "overlaps the input"),
        ({"input_height": 0}, "extents are out of range"),
        ({"input_channels": 0xFFFF_FFFF}, "extents are out of range"),
        ({"output_height": 0xFFFF, "output_width": 0xFFFF}, "larger than SRAM"),
        ({"input_format": 7 | 1 << 8}, "unknown format"),
        ({"input_format": 0 | 2 << 8}, "more bit planes"),
        ({"kernel": 0}, "is zero"),
        ({"stride": 1}, "is zero"),
        ({"groups": 0}, "groups do not divide"),
        ({"groups": 3}, "groups do not divide"),
        ({"kernel": 0xFFFF_FFFF}, "rows are not as long"),
        ({"row_words": 2}, "rows are not as long"),
        ({"bank_table": 0x1FFF_FFFF}, "bank table lies in no memory"),
        ({"bank_table": 0x0000_0010}, "not programmed"),
        ({"ternary": 1}, "another kind of weights"),
        ({"output_format": 0}, "does not fit the number of thresholds"),
        ({"threshold_steps": 1, "output_format": 0, "threshold_address": 0x4000_0000}, "thresholds lie in no memory"),
        ({"threshold_steps": 1, "output_format": 0, "direction_address": 0x4000_0000}, "direction bits lie in no"),
        ({"border_start": 0x0000_0400, "border_rows": 0x4000_0000}, "zones of the border lie in no memory"),
        ({"border_start": 0x0000_0400, "border_rows": 0x400, "border_columns": 0x3FFF_FFFF}, "zones of the border"),
        ({"border_start": 0x4000_0000, "border_rows": 0x20, "border_columns": 0x20}, "sums start from lies in no"),
        ({"border_start": 0x2003_FFFC, "border_rows": 0x20, "border_columns": 0x20}, "sums start from lies in no"),
        ({"border_start": 0x0000_0400, "border_rows": 0x20, "border_columns": 0x20, "border_shift": 32}, "shifted out"),
    ],
)
def test_a_run_that_cannot_be_done_sets_error_and_leaves_memory_alone(
    registers: dict[str, int], complaint: str
) -> None:
    driver, _ = _ready_driver()
    if "not programmed" in complaint:  # a table of zeros but for one bank beyond those in use
        driver.memories.flash.data[0x10:0x20] = 9
        driver.memories.flash.data[0x11:0x20:2] = 0
    driver.write(**registers)
    before = driver.sram.data.copy()
    message = driver.start(driver.description.commands.run)
    assert message is not None
    assert complaint in message
    assert np.array_equal(driver.sram.data, before)


@pytest.mark.parametrize(
    ("registers", "complaint"),
    [
        ({"program_bank": 4096}, "does not have"),
        ({"program_row": 32}, "does not have"),
        ({"program_policy": 4}, "a policy that the target does not have"),
        ({"program_nonzero": 0}, "a zero was programmed into a binary row"),
    ],
)
def test_a_row_that_cannot_be_programmed_sets_error(registers: dict[str, int], complaint: str) -> None:
    driver, _ = _ready_driver()
    driver.take_events()
    driver.write(program_nonzero=0xFFFF_FFFF, program_ternary=0)
    driver.write(**registers)
    message = driver.start(driver.description.commands.program)
    assert message is not None
    assert complaint in message
    assert driver.take_events() == Events()


def test_a_command_that_does_not_exist_sets_error() -> None:
    driver, _ = _ready_driver()
    assert driver.start(77) == "control was given a command that the macro does not know"


def test_a_run_beyond_the_planned_work_is_refused() -> None:
    mapped = on_chip(_dense([[1, 1, -1, -1]], WeightKind.BINARY, BITS_4))
    driver = MacroDriver(mapped, popcount_limit=1)
    (stage,) = mapped.linear_stages.values()
    driver.program(stage)
    driver.run(stage, np.ones(4, np.int64))
    assert "more bank rows" in str(driver.start(driver.description.commands.run))
