"""Networks in banks of other shapes than 32 x 32: where they lie, and what the array does."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings

from edgebnn.chip.banks.geometry import SINGLE, Geometry
from edgebnn.chip.energy.energy import inference_energy, latency_s
from edgebnn.chip.energy.events import Events
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.emulator.array_events import programming_pulses, run_events
from edgebnn.mapping.cells import cells_csv, hexadecimal
from edgebnn.mapping.floorplan import floorplan_svg
from edgebnn.mapping.programmed import pattern_of
from edgebnn.mapping.tiling import banks_at_once, banks_needed
from edgebnn.network import Network
from tests.chip.patterns import meant
from tests.mapping.bank_shapes import BANKS, with_banks
from tests.mapping.test_planner import dense, mapped_on
from tests.networks import networks

QUARTER = Geometry(rows=64, columns=64, sense_amplifiers=16)


def test_the_events_of_a_layer_in_banks_of_64_x_64_with_16_amplifiers() -> None:
    """70 neurons of 100 inputs: 2 blocks of neurons, 2 banks side by side, 4 columns for each amplifier."""
    mapped = mapped_on(dense(100, 70), with_banks(QUARTER))
    array, stage = mapped.target.array, mapped.linear_stages["fc"]
    assert array is not None
    assert [(t.bank, t.neuron, t.neurons, t.word, t.inputs) for t in stage.tiles] == [
        (0, 0, 64, 0, 64),
        (1, 0, 64, 2, 36),
        (2, 64, 6, 0, 64),
        (3, 64, 6, 2, 36),
    ]
    events = run_events(stage, array)
    assert events == Events(
        code_fetches=2,  # 4 bank numbers of 16 bits
        sram_accesses=4 + 70,  # 100 bits of input, 70 sums
        pcsa_reads=70 * 2 * 64,  # whole rows of both banks
        popcounts=70 * 2 * 2,  # 2 words a row
        thresholds=70,
        array_cycles=70 * 4 + 16,  # 4 turns for a row, 16 cycles for the layer
    )
    # The array's part: 8,960 x 20 fJ + 280 x 300 fJ + 70 x 500 fJ; and 296 cycles at 50 MHz.
    array_alone = Events(pcsa_reads=8960, popcounts=280, thresholds=70, array_cycles=296)
    energy = inference_energy(array_alone, mapped.target).parts_nj()
    assert energy["array_sensing"] == pytest.approx(0.1792) and energy["array_popcounts"] == pytest.approx(0.084)
    assert energy["array_thresholds"] == pytest.approx(0.035)
    assert latency_s(array_alone, mapped.target) == pytest.approx(5.92e-6)
    # 4 words a neuron are programmed, each with its SETs and its RESETs: the last one's 28 columns hold no input.
    pulses = 70 * 4 * 32
    assert programming_pulses(stage, mapped.image) == PulseCount(pulses, pulses, steps=2 * 70 * 4)


def test_fewer_amplifiers_cost_time_and_no_sensing() -> None:
    alone, shared = (
        run_events(mapped.linear_stages["fc"], mapped.target.array)
        for mapped in (mapped_on(dense(100, 70), with_banks(Geometry(64, 64, count))) for count in (64, 16))
        if mapped.target.array is not None
    )
    assert (shared.pcsa_reads, shared.popcounts) == (alone.pcsa_reads, alone.popcounts)
    assert shared.array_cycles - 16 == 4 * (alone.array_cycles - 16)


@given(networks(), BANKS)
@settings(max_examples=25)
def test_the_memory_map_is_what_is_programmed(network: Network, bank: Geometry) -> None:
    """Every cell of `memory_map.csv` holds its weight, and the banks are as many as the mapping said."""
    mapped = mapped_on(network, with_banks(bank))
    assert mapped.plan.banks == sum(banks_needed(network, bank).values())
    pattern = pattern_of(mapped)
    assert pattern.banks == mapped.plan.banks
    # (stripes, rows, 32) as (banks, rows, columns)
    values = meant(pattern).reshape(-1, bank.words, bank.rows, 32).swapaxes(1, 2).reshape(-1, bank.rows, bank.columns)
    listed = 0
    for line in csv.DictReader(io.StringIO(cells_csv(mapped).decode())):
        row, rows, first, count = (int(line[name]) for name in ("row", "rows", "column", "count"))
        assert row + rows <= bank.rows and first + count <= bank.columns
        cells = values[int(line["bank"]), row : row + rows, first : first + count]
        assert hexadecimal(cells > 0) == line["sign"]
        assert not line["nonzero"] or hexadecimal(cells != 0) == line["nonzero"]
        assert line["nonzero"] or np.all(cells != 0)
        listed += cells.size
    assert listed == sum(node.weights.size for node in network.linear if node.name in mapped.linear_stages)


def test_wide_banks_hold_wide_neurons() -> None:
    network = dense(100, 70)
    assert [banks_at_once(network, bank)["fc"] for bank in (SINGLE, QUARTER, Geometry(32, 128, 128))] == [4, 2, 1]
    svg = floorplan_svg(mapped_on(network, with_banks(QUARTER))).decode()
    # 7,000 of 16,384 synapses
    assert "4 of 4096 in use, 43% of their synapses" in svg and "36 inputs from 64" in svg


def test_columns_that_share_an_amplifier_share_its_offset_across_words() -> None:
    bank = Geometry(rows=33, columns=96, sense_amplifiers=2)
    place, lane = bank.amplifiers(np.arange(6))
    owner = (place.astype(object) * 32 + lane).reshape(2, 96)
    assert [len(set(row)) for row in owner] == [2, 2] and len(set(owner.ravel())) == 4
    assert (owner[:, :48] == owner[:, :1]).all() and (owner[:, 48:] == owner[:, 48:49]).all()
