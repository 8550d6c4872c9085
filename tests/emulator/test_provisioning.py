"""Provisioning: a chip is programmed once and bears a marker, which no other weights and no damage pass for."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from edgebnn.chip.banks.pattern import EMPTY
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks, read
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.random.philox import EVENTS
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target
from edgebnn.codegen.build import Firmware, build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.array_events import marker_cost, programming_pulses
from edgebnn.emulator.chip_program import weights_on_chip
from edgebnn.emulator.chip_results import programming_cost
from edgebnn.emulator.firmware import run_firmware
from edgebnn.emulator.macro import Cells
from edgebnn.emulator.sensed_layers import sensed_layers
from edgebnn.emulator.soc import Limits, Soc
from edgebnn.errors import DeploymentError, FitError
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.marker import MARKER_WORDS, MOST_WRONG, marker_places
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.programmed import pattern_of, programmed_banks
from edgebnn.network.interpreter import interpret
from edgebnn.network.network import Network
from edgebnn.network.types import Kind, Tensor, WeightKind
from tests.networks import Builder, random_inputs

RRAM130 = load_target("rram130")
FIRMWARE = Provenance(
    version="0", options="test", model_name="m", model_sha256="0" * 64, target_name="rram130", target_sha256="0" * 64
)


def _network(seed: int) -> Network:
    """A binary layer over two banks' width and a ternary one; another seed has other weights alone."""
    builder = Builder(Tensor("x", Kind.BITS, (50,), -1, 1), np.random.default_rng(seed))
    builder.linear(37, WeightKind.BINARY)
    builder.threshold(Kind.BITS)
    builder.linear(3, WeightKind.TERNARY)
    return builder.network()


def _mapped(seed: int = 1, target: Target = RRAM130, **chosen: object) -> MappedNetwork:
    return map_network(_network(seed), target, FIRMWARE, Allocation(policy="nominal", **chosen))


def _built(mapped: MappedNetwork) -> Firmware:
    return build_firmware(render_project(mapped), mapped.target)


MAPPED = _mapped()


@pytest.fixture(scope="module")
def elf() -> bytes:
    return _built(MAPPED).elf


@pytest.fixture(scope="module")
def other() -> tuple[MappedNetwork, bytes]:
    mapped = _mapped(2)
    return mapped, _built(mapped).elf


@pytest.fixture(scope="module")
def separate() -> tuple[MappedNetwork, Firmware]:
    mapped = _mapped(provisioning="separate")
    return mapped, _built(mapped)


def _boots(mapped: MappedNetwork, elf: bytes, cells: Cells, banks: ProgrammedBanks | None = None) -> int:
    """SETs of one boot on a chip with these cells."""
    with Soc(mapped, elf, banks, cells=cells) as soc:
        return soc.boot().set_pulses


def _empty() -> Cells:
    assert RRAM130.array is not None
    return Cells.empty(RRAM130.array)


def _copy(cells: Cells) -> Cells:
    return Cells(cells.sign.copy(), cells.nonzero.copy(), cells.kind.copy())


CHIPS = {
    "no errors": None,
    "rates": ChipInstance(3, 0.1),
    "by place, each read": ChipInstance(4, 0.08, ErrorModel.TABLE, read_error_rate=0.02),
    "devices": ChipInstance(5, errors=ErrorModel.DEVICE, policy="ultra-low-energy"),
    "anew in each inference": ChipInstance(6, 0.1, ErrorModel.NEIGHBOUR),
}


@pytest.mark.parametrize("name", list(CHIPS))
def test_a_chip_is_programmed_at_its_first_boot_alone(elf: bytes, name: str) -> None:
    chip = CHIPS[name]
    banks = None if chip is None else programmed_banks(MAPPED, chip)
    x = random_inputs(MAPPED.network, 5, batch=4)
    expected = interpret(MAPPED.network, x, None if banks is None else sensed_layers(MAPPED, banks, 0))
    with Soc(MAPPED, elf, banks) as soc:
        first = soc.boot()
        before = soc.infer(x)[0]
        again = [soc.boot() for _ in range(3)]
        after = soc.infer(x)[0]
    assert np.array_equal(before, expected) and np.array_equal(after, expected)
    whole = sum(
        (programming_pulses(stage, MAPPED.image) for stage in MAPPED.linear_stages.values()), start=PulseCount()
    )
    marked = marker_cost(MAPPED)
    assert marked is not None
    assert first.set_pulses == whole.set_pulses + marked.set_pulses
    assert first.reset_pulses == whole.reset_pulses + marked.reset_pulses
    for events in again:
        assert events.set_pulses == events.reset_pulses == 0
        assert events.pcsa_reads == 32 * MARKER_WORDS  # the marker is read, and nothing else
        assert events.array_cycles == MARKER_WORDS
        assert events.instructions < first.instructions / 4


def test_the_cost_of_programming_is_that_of_the_first_boot(elf: bytes) -> None:
    run = run_firmware(MAPPED, elf, random_inputs(MAPPED.network, 5, batch=1), None)
    cost, marker = programming_cost(MAPPED, ChipInstance(0)), marker_cost(MAPPED)
    assert marker is not None and run.programming is not None and run.boot is not None
    assert cost.set_pulses + marker.set_pulses == run.programming.set_pulses
    assert cost.reset_pulses + marker.reset_pulses == run.programming.reset_pulses
    assert run.boot.set_pulses == 0


def test_another_networks_marker_is_not_taken_for_its_own(elf: bytes, other: tuple[MappedNetwork, bytes]) -> None:
    cells, x = _empty(), random_inputs(MAPPED.network, 6, batch=3)
    for mapped, program in ((MAPPED, elf), other, (MAPPED, elf)):
        with Soc(mapped, program, cells=cells) as soc:
            assert soc.boot().set_pulses > 0
            assert soc.boot().set_pulses == 0
            assert np.array_equal(soc.infer(x)[0], interpret(mapped.network, x))


def test_the_marker_is_that_of_weights_places_and_policies_alone(other: tuple[MappedNetwork, bytes]) -> None:
    def words(mapped: MappedNetwork) -> bytes:
        assert mapped.plan.marker is not None
        section = mapped.plan.marker.words
        return mapped.image[section.offset : section.offset + section.bytes]

    alike = words(MAPPED)
    assert alike == words(_mapped(provisioning="separate"))
    moved = replace(MAPPED.network, nodes=tuple(_moved(node) for node in MAPPED.network.nodes))
    assert alike == words(map_network(moved, RRAM130, FIRMWARE, MAPPED.allocation))
    layer = MAPPED.network.linear[0].name
    different = [
        words(other[0]),
        words(_mapped(policies={layer: "strong"})),
        words(_mapped(banks=tuple(range(1, MAPPED.plan.banks + 1)))),
    ]
    for changed in different:
        unlike = np.bitwise_count(np.frombuffer(alike, "<u4") ^ np.frombuffer(changed, "<u4")).sum()
        assert unlike > MOST_WRONG


def _moved(node: object) -> object:
    """The node, its thresholds one lower where it has any: digital, so nothing in RRAM changes."""
    return replace(node, thresholds=node.thresholds - 1) if hasattr(node, "thresholds") else node


def test_a_damaged_marker_is_taken_up_to_a_third_of_its_cells(elf: bytes) -> None:
    assert MAPPED.plan.marker is not None and RRAM130.array is not None
    place = marker_places(MAPPED.plan.marker, RRAM130.array.geometry)
    for wrong, programs in ((MOST_WRONG, False), (MOST_WRONG + 1, True)):
        cells = _empty()
        assert _boots(MAPPED, elf, cells) > 0
        flips = np.zeros(32 * MARKER_WORDS, np.uint8)
        flips[np.random.default_rng(wrong).permutation(len(flips))[:wrong]] = 1
        cells.sign[place] ^= np.packbits(flips, bitorder="little").view("<u4")
        assert (_boots(MAPPED, elf, cells) > 0) == programs
        assert _boots(MAPPED, elf, cells) == 0


@pytest.mark.parametrize("new", [True, False])
def test_programming_that_is_cut_short_begins_anew(elf: bytes, other: tuple[MappedNetwork, bytes], new: bool) -> None:
    """Wherever it is cut: what boots afterwards has all of its own weights, and programs them where it has not."""
    start = _empty()
    if not new:
        _boots(*other, start)
    with Soc(MAPPED, elf, cells=_copy(start)) as whole:
        instructions = whole.boot().instructions
    programmed = 0
    for share in np.linspace(0.02, 0.98, 9):
        cells = _copy(start)
        cut = Limits(int(share * instructions), 20.0)
        with Soc(MAPPED, elf, limits=cut, cells=cells) as soc, pytest.raises(DeploymentError, match="come to an end"):
            soc.boot()
        for mapped, program in (other, (MAPPED, elf)):
            copy = _copy(cells)
            programmed += _boots(mapped, program, copy) > 0
            pattern, banks = pattern_of(mapped), pattern_of(mapped).banks
            there = pattern.kind != EMPTY
            for held, meant in ((copy.sign, pattern.sign), (copy.nonzero, pattern.nonzero), (copy.kind, pattern.kind)):
                assert np.array_equal(held[:banks][there], meant[there])
    assert programmed > 12


@pytest.mark.parametrize("name", ["rates", "devices"])
def test_verify_counts_the_weights_that_the_reference_reads_otherwise(elf: bytes, name: str) -> None:
    chip = CHIPS[name]
    assert chip is not None
    chip = replace(chip, kinds="programming") if chip.errors is ErrorModel.DEVICE else chip
    banks = programmed_banks(MAPPED, chip)
    with Soc(MAPPED, elf, banks) as soc:
        soc.boot()
        found = soc.verify()
    assert found == _wrong(MAPPED, banks, boot=1)
    if chip.errors is ErrorModel.BER and len(banks.tables) == 0:
        assert found == weights_on_chip(MAPPED, banks).wrong
    assert found > 0
    with Soc(MAPPED, elf) as soc:
        assert soc.verify() == 0


def test_verify_reads_as_an_inference_does_with_errors_that_come_anew(elf: bytes) -> None:
    chip = CHIPS["by place, each read"]
    assert chip is not None
    banks = programmed_banks(MAPPED, chip)
    with Soc(MAPPED, elf, banks) as soc:
        soc.boot()
        counts = [soc.verify() for _ in range(3)]
    assert counts == [_wrong(MAPPED, banks, boot) for boot in (1, 2, 3)]
    assert len(set(counts)) > 1


def _wrong(mapped: MappedNetwork, banks: ProgrammedBanks, boot: int) -> int:
    """What reading all weights back finds wrong in NumPy, at a boot that read the marker before."""
    pattern, wrong, number = pattern_of(mapped), 0, MARKER_WORDS
    for stage in mapped.plan.stages:
        if not isinstance(stage, LinearStage):
            continue
        for tile in stage.tiles:
            columns = np.uint32((1 << tile.inputs) - 1)
            for row in range(tile.neurons):
                place = tile.bank, row
                sign, nonzero = read(banks, *place, number, EVENTS - 1 - boot, 0xFFFFFFFF)
                meant, held = pattern.sign[place], pattern.nonzero[place]
                unlike = (nonzero ^ held | (sign ^ meant) & nonzero) & columns
                wrong, number = wrong + int(np.bitwise_count(unlike)), number + 1
    return wrong


def test_a_firmware_without_the_rows_runs_on_a_chip_that_was_provisioned(
    elf: bytes, separate: tuple[MappedNetwork, Firmware]
) -> None:
    mapped, firmware = separate
    assert firmware.provisioning is not None
    rows = mapped.plan.rows_bytes
    assert rows == 4 * (37 * 2 + 2 * 3 * 2)
    assert len(elf) - len(firmware.elf) > rows - 200
    for name in CHIPS:
        chip = CHIPS[name]
        banks = None if chip is None else programmed_banks(mapped, chip)
        with Soc(mapped, firmware.provisioning, banks) as factory:
            factory.boot()
            cells = factory.cells
        assert cells is not None
        expected = Cells.provisioned(mapped)
        for part in ("sign", "nonzero", "kind"):
            assert np.array_equal(getattr(cells, part), getattr(expected, part))
        x = random_inputs(mapped.network, 5, batch=4)
        with Soc(mapped, firmware.elf, banks, cells=cells) as soc:
            assert soc.boot().set_pulses == 0
            scores = soc.infer(x)[0]
        assert np.array_equal(scores, run_firmware(mapped, firmware.elf, x, banks).scores)
        assert np.array_equal(scores, interpret(mapped.network, x, banks and sensed_layers(mapped, banks, 0)))


def test_a_firmware_without_the_rows_says_that_a_chip_was_not_provisioned(
    separate: tuple[MappedNetwork, Firmware], other: tuple[MappedNetwork, bytes]
) -> None:
    mapped, firmware = separate
    cells = _empty()
    for _ in range(2):  # a new chip, then one with other weights
        with Soc(mapped, firmware.elf, cells=cells) as soc, pytest.raises(DeploymentError, match="status -4"):
            soc.boot()
        _boots(*other, cells)


def test_every_boot_programs_where_that_was_asked_for() -> None:
    mapped = _mapped(provisioning="boot")
    assert mapped.plan.marker is None
    with Soc(mapped, _built(mapped).elf) as soc:
        assert soc.boot() == soc.boot()
        assert soc.boot().set_pulses == sum(
            programming_pulses(stage, mapped.image).set_pulses for stage in mapped.linear_stages.values()
        )
        assert soc.verify() == 0


def _with_banks(banks: int) -> Target:
    array = RRAM130.array
    assert array is not None
    return msgspec.structs.replace(
        RRAM130, array=msgspec.structs.replace(array, banks=msgspec.structs.replace(array.banks, value=banks))
    )


def test_the_marker_needs_a_bank_and_a_macro_that_reads() -> None:
    needed = MAPPED.plan.banks
    assert RRAM130.macro is not None
    commands = msgspec.structs.replace(RRAM130.macro.commands, read=None)
    unread = msgspec.structs.replace(RRAM130, macro=msgspec.structs.replace(RRAM130.macro, commands=commands))
    full = _with_banks(needed)
    assert _mapped(target=_with_banks(needed + 1)).provisioning == "once"
    for target, message in ((unread, "reads no words back"), (full, "takes the last 1 of the")):
        assert _mapped(target=target).provisioning == "boot"
        assert _mapped(target=target, provisioning="boot").plan.marker is None
        for mode in ("once", "separate"):
            with pytest.raises(FitError, match=f'{message}.*use provisioning="boot"'):
                _mapped(target=target, provisioning=mode)
    last = (*range(needed - 1), 4095)
    assert _mapped(banks=last).provisioning == "boot"
    with pytest.raises(FitError, match="up to bank 4095"):
        _mapped(banks=last, provisioning="once")


def test_a_target_whose_macro_does_not_read_programs_at_every_boot() -> None:
    assert RRAM130.macro is not None
    macro = RRAM130.macro
    registers = tuple(each for each in macro.registers if not each.name.startswith("read_"))
    commands = msgspec.structs.replace(macro.commands, read=None)
    target = msgspec.structs.replace(
        RRAM130, macro=msgspec.structs.replace(macro, commands=commands, registers=registers)
    )
    mapped = _mapped(target=target)
    x = random_inputs(mapped.network, 5, batch=2)
    with Soc(mapped, _built(mapped).elf) as soc:
        assert soc.boot() == soc.boot()
        assert np.array_equal(soc.infer(x)[0], interpret(mapped.network, x))
        with pytest.raises(DeploymentError, match="does not verify"):
            soc.verify()


@pytest.mark.parametrize("policy", RRAM130.policies)
def test_the_firmware_programs_the_marker_under_its_own_policy(policy: str) -> None:
    project = render_project(map_network(_network(1), RRAM130, FIRMWARE, Allocation(policy=policy)))
    fields = re.search(rb"const ebnn_marker [^;]*;", project["src/model.c"], re.S)
    assert fields is not None
    place = list(RRAM130.policies).index(policy)
    assert re.search(rb"\.policy = (\d+)", fields[0])[1] == str(place).encode()
