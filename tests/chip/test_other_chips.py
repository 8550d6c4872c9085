"""The worked example of docs/other-chips.md: its file is a sound target, and its table is what the array does."""

from __future__ import annotations

import re
from functools import cache, reduce
from operator import add
from pathlib import Path

import numpy as np

import edgebnn
from edgebnn.api import Deployment
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.energy.energy import inference_energy
from edgebnn.chip.study.ternary_errors import above_bounds, ternary_errors
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.copies import copy_target
from edgebnn.chip.target_files.loading import load_target
from edgebnn.chip.target_files.settings import parse_setting
from edgebnn.emulator.array_events import run_events
from edgebnn.models import ECG_PVC
from tests.mapping.test_planner import mapped_on

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(
    r"^\| (\d+) x (\d+), (\d+) \| (\d+) \| (\d+) % \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) nJ \| ([\d.]+) nJ \|",
    re.MULTILINE,
)


@cache
def ecg() -> Deployment:
    return edgebnn.compile(ECG_PVC, target=DOCS / "rram28.toml")


def test_no_figure_of_the_example_has_a_better_word_than_the_page_gives_it() -> None:
    words = {path: quantity.evidence for path, quantity, _ in load_target(str(DOCS / "rram28.toml")).quantities()}
    stated = {path: word for path, word in words.items() if word not in (Evidence.ASSUMED, Evidence.AUTHORS_CODE)}
    secondary = ("array.columns", "array.devices_per_synapse", "policies.nominal.lrs", "policies.nominal.hrs")
    ternary = {path for path in stated if path.startswith("physics.ternary.")}  # those of rram130
    assert stated.keys() - ternary == {"array.sense_amplifiers", *secondary}
    assert stated["array.sense_amplifiers"] is Evidence.ABSTRACT
    assert all(stated[path] is Evidence.SECONDARY for path in secondary)


def test_the_ecg_model_reads_the_same_on_it_everywhere_with_errors_and_without() -> None:
    deployment = ecg()
    x = np.random.default_rng(3).integers(-128, 128, (3, 4, 120))
    for chip in (None, deployment.chip(5, errors="device"), deployment.chip(5, errors="table")):
        reference = deployment.run(x, on="reference", chip=chip)
        assert np.array_equal(reference, deployment.run(x, on="fast", chip=chip))
    if deployment.firmware is not None:
        assert np.array_equal(reference, deployment.run(x, on="firmware", chip=chip))


def test_a_bound_of_the_ternary_table_that_is_not_met_is_said() -> None:
    """The window is fitted to the table's other rates; rram130's devices stay below the same bound."""
    target = load_target(str(DOCS / "rram28.toml"))
    for found, notes in ((ternary_errors(target, ["nominal"], Conditions(), (), 1000, 0), 2), (None, 0)):
        shown = found or ternary_errors(load_target("rram130"), ["strong"], Conditions(), (), 1000, 0)
        assert len(above_bounds(shown)) == notes
    assert (
        "a +1 read as -1 in 7." in above_bounds(ternary_errors(target, ["nominal"], Conditions(), (0.9,), 1000, 0))[0]
    )


def _of_shape(path: Path, rows: str, columns: str, amplifiers: str) -> Target:
    shape = [f"array.rows={rows}", f"array.columns={columns}", f"array.sense_amplifiers={amplifiers}"]
    settings = [parse_setting(text) for text in (*shape, "array.banks=64", "array.parallel_banks=64")]
    return copy_target(str(DOCS / "rram28.toml"), path / f"bank{rows}x{columns}by{amplifiers}.toml", settings)


def test_the_table_of_bank_shapes_is_what_the_array_does(tmp_path: Path) -> None:
    lines = ROW.findall((DOCS / "other-chips.md").read_text())
    assert len(lines) == 5
    for rows, columns, amplifiers, banks, share, sensed, cycles, sensing, popcounts in lines:
        mapped = mapped_on(ecg().mapped.network, _of_shape(tmp_path, rows, columns, amplifiers))
        array, plan = mapped.target.array, mapped.plan
        assert array is not None and plan.banks == int(banks)
        weights = sum(node.weights.size for node in mapped.network.linear)
        assert round(100 * weights / (plan.banks * array.geometry.synapses)) == int(share)
        events = reduce(add, (run_events(stage, array) for stage in mapped.linear_stages.values()))
        assert (f"{events.pcsa_reads:,}", f"{events.array_cycles:,}") == (sensed, cycles)
        energy = inference_energy(events, mapped.target).parts_nj()
        assert (f"{energy['array_sensing']:.2f}", f"{energy['array_popcounts']:.2f}") == (sensing, popcounts)
