"""The Python API takes what Python users have at hand, and says in one sentence what it cannot take."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgebnn
from edgebnn.chip.measured.cells import Measured
from edgebnn.emulator.emulate import Dataset
from edgebnn.errors import DataError, DeploymentError, EdgeBNNError, TargetError, ToolError
from edgebnn.models import ECG_PVC

X = np.random.default_rng(0).integers(-128, 128, (5, 4, 120)).astype(np.int8)
Y = [0, 1, 0, 1, 1]


@pytest.fixture(scope="module")
def deployment() -> edgebnn.Deployment:
    return edgebnn.compile(ECG_PVC, policy="low-energy")


def test_its_repr_is_one_short_line(deployment: edgebnn.Deployment) -> None:
    shown = repr(deployment)
    assert len(shown) < 120 and "\n" not in shown
    assert all(word in shown for word in ("ecg_pvc", "rram130", "low-energy", "36992"))


def test_lists_and_arrays_are_the_same_samples(deployment: edgebnn.Deployment) -> None:
    scores = deployment.run(X)
    assert scores.shape == (5, 2)
    assert np.array_equal(deployment.run(X.tolist()), scores)
    assert np.array_equal(deployment.run(X.astype(np.float32)), scores)
    for data in ((X, Y), (X.tolist(), np.array(Y)), Dataset(X, np.array(Y, np.int64))):
        assert np.array_equal(deployment.emulate(data, firmware_samples=0).scores, deployment.run(X, integers=True))


def test_a_single_sample_is_a_batch_of_one(deployment: edgebnn.Deployment) -> None:
    assert np.array_equal(deployment.run(X[0]), deployment.run(X[:1]))
    assert deployment.emulate((X[0], 1), firmware_samples=0).samples == 1


def test_samples_without_labels_have_no_accuracy(deployment: edgebnn.Deployment) -> None:
    for data in (X, X.tolist(), (X, None)):
        result = deployment.emulate(data, firmware_samples=0)
        assert result.samples == 5 and result.accuracy is None


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (None, "no numbers \\(None\\)"),
        ([[1, 2], [3]], "no array"),
        (["a"], "no numbers \\(list of <U1\\)"),
        (3, "a single number"),
        (X[:, :3], "reshape the data"),
        (X[:, :3].tolist(), "reshape the data"),
        (X * 0.5, "fractions"),
    ],
    ids=["None", "ragged", "text", "number", "shape", "list", "fractions"],
)
def test_what_is_no_batch_is_one_sentence(deployment: edgebnn.Deployment, x: Any, said: str) -> None:
    for use in (deployment.run, deployment.emulate):
        with pytest.raises(DataError, match=said):
            use(x)


@pytest.mark.parametrize("y", [[0, 1], [0.5] * 5, [np.nan] * 5, ["a"] * 5, [[0]] * 5, [0, 1, 0, 1, 2]])
def test_labels_that_are_none_are_one_sentence(deployment: edgebnn.Deployment, y: Any) -> None:
    with pytest.raises(DataError, match=r"class|the labels have the shape"):
        deployment.emulate((X, y), firmware_samples=0)


@pytest.mark.parametrize("on", ["gpu", "Fast", "", None, 1])
def test_an_unknown_executor_names_the_known_ones(deployment: edgebnn.Deployment, on: Any) -> None:
    with pytest.raises(EdgeBNNError, match=r"there is no executor .*reference, fast, firmware"):
        deployment.run(X, on=on)


def test_a_number_of_chips_is_drawn_as_on_the_command_line(deployment: edgebnn.Deployment) -> None:
    drawn = deployment.emulate((X, Y), chips=2, ber=0.1, seed=7, firmware_samples=1)
    given = deployment.emulate((X, Y), [edgebnn.ChipInstance(7, 0.1), edgebnn.ChipInstance(8, 0.1)], firmware_samples=1)
    assert drawn.chips == given.chips and [chip.seed for chip in drawn.chips] == [7, 8]
    assert deployment.emulate(X, np.int64(1), firmware_samples=0).chips[0].bit_error_rate == 2e-3  # the policy's
    assert deployment.emulate(X, firmware_samples=0).chips == ()


def test_onnxruntime_answers_too_where_the_model_is_given(deployment: edgebnn.Deployment) -> None:
    result = deployment.emulate(X, model=str(ECG_PVC), firmware_samples=0)
    assert set(result.agreement) == {"onnxruntime-fast"} and result.executors_agree


@pytest.mark.parametrize("options", [{"ber": 0.1}, {"seed": 1}, {"chips": [edgebnn.ChipInstance(1, 0.1)], "ber": 0.1}])
def test_options_that_would_be_ignored_are_refused(deployment: edgebnn.Deployment, options: dict[str, Any]) -> None:
    with pytest.raises(TargetError, match="number of chips"):
        deployment.emulate(X, **options)
    with pytest.raises(TargetError, match="chips is -1"):
        deployment.emulate(X, chips=-1)


def test_chips_need_rram(deployment: edgebnn.Deployment) -> None:
    with pytest.raises(TargetError, match="keeps its weights in flash"):
        edgebnn.compile(ECG_PVC, "host").emulate(X, chips=1)


def test_two_ways_to_type_an_input_are_one_too_many() -> None:
    with pytest.raises(DataError, match="the input type and the calibration data both"):
        edgebnn.compile(ECG_PVC, input_type="int8", calibration=X)


def test_a_target_may_be_a_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('schema = 1\nname = "mine"\nsummary = "mine"\narchitecture = "host"\n')
    assert edgebnn.compile(ECG_PVC, path).mapped.target.name == "mine"


def test_a_chip_is_described_in_words_and_drawn_in_number(deployment: edgebnn.Deployment) -> None:
    chip = deployment.chip(7, errors="device", policy="ultra-low-energy", cycles=10**6, supply_v=0.8, temperature_c=37)
    result = deployment.emulate((X, Y), chips=3, like=chip, seed=5, firmware_samples=5)
    assert [each.seed for each in result.chips] == [5, 6, 7] and result.executors_agree
    assert result.summary is not None and result.summary.accuracy is not None
    low, high = result.summary.accuracy.interval or (1, 0)
    assert low <= result.summary.accuracy.mean <= high
    assert result.supply_v == 0.8
    alone = deployment.emulate((X, Y), [chip], firmware_samples=0)
    assert alone.chips[0] == result.chips[2]
    assert alone.summary is not None and alone.summary.wrong_bits.spread is None


@pytest.mark.parametrize(
    "words", [{"ber": 0.15}, {"errors": "device", "policy": "ultra-low-energy", "cycles": 10**9}], ids=["ber", "device"]
)
def test_firmware_on_a_chips_file_answers_as_the_chip_of_that_seed_among_many(
    deployment: edgebnn.Deployment, tmp_path: Path, words: dict[str, Any]
) -> None:
    like = deployment.chip(0, **words)
    x = np.random.default_rng(1).integers(-128, 128, (3000, 4, 120)).astype(np.int8)
    x = x[np.argsort(np.abs(np.diff(deployment.run(x), axis=1)[:, 0]))[:24]]  # which few errors turn
    among_many = deployment.emulate(x, chips=3, like=like, seed=5, firmware_samples=0).chips[2]
    replace(like, seed=7).save(tmp_path / "chip.json", deployment.mapped.target)
    chip = edgebnn.ChipInstance.load(tmp_path / "chip.json")
    classes = deployment.run(x, on="firmware", chip=chip).argmax(axis=1)
    changed = np.count_nonzero(classes != deployment.run(x).argmax(axis=1))
    assert among_many.seed == chip.seed and changed == among_many.changed > 0


def test_energy_goes_with_the_square_of_the_chips_supply(deployment: edgebnn.Deployment) -> None:
    nominal, low = (
        deployment.emulate(X, chips=1, like=deployment.chip(0, supply_v=supply), firmware_samples=2).energy
        for supply in (None, 0.6)
    )
    assert nominal is not None and low is not None
    assert low.total_j == pytest.approx(nominal.total_j / 4)


def test_reads_go_by_the_number_of_the_inference(deployment: edgebnn.Deployment) -> None:
    chip = deployment.chip(1, read_error_rate=0.05)
    whole = deployment.run(X, chip=chip, integers=True)
    for on in ("reference", "fast", "firmware"):
        assert np.array_equal(deployment.run(X[2:4], on, chip, integers=True, first_inference=2), whole[2:4])
    assert not np.array_equal(deployment.run(X, chip=chip, integers=True, first_inference=1), whole)
    with pytest.raises(TargetError, match="first_inference is -1"):
        deployment.run(X, chip=chip, first_inference=-1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"errors": "magic"}, "chips know no 'magic'; choose one of: ber"),
        ({"kinds": "some"}, "chips know no 'some'"),
        ({"policy": "weak"}, "no programming policy 'weak'"),
        ({"supply_v": 0.3}, "0.3 V"),
        ({"temperature_c": 400.0}, "400 C"),
        ({"cycles": 10**12}, "endure"),
    ],
)
def test_a_chip_that_cannot_be_is_one_sentence(
    deployment: edgebnn.Deployment, words: dict[str, Any], message: str
) -> None:
    with pytest.raises(TargetError, match=message):
        deployment.chip(0, **words)


def test_a_stream_of_samples_programs_its_chip_once(
    deployment: edgebnn.Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgebnn.emulator import runner

    chips = [deployment.chip(seed, errors="device", policy="low-energy") for seed in (3, 4)]
    alone = {
        chip.seed: edgebnn.Deployment(deployment.mapped, deployment.files, None).run(X, chip=chip) for chip in chips
    }
    programmed, program = [], runner.programmed_banks
    monkeypatch.setattr(
        runner, "programmed_banks", lambda mapped, chip: programmed.append(chip) or program(mapped, chip)
    )
    for on in ("fast", "reference"):
        scores = [
            deployment.run(
                x, on=on, chip=deployment.chip(3, errors="device", policy="low-energy"), first_inference=index
            )
            for index, x in enumerate(X)
        ]
        assert np.array_equal(np.concatenate(scores), alone[3])
    assert programmed == chips[:1]
    assert np.array_equal(deployment.run(X, chip=chips[1]), alone[4])
    assert np.array_equal(deployment.run(X, chip=chips[0]), alone[3])
    assert programmed == [chips[0], chips[1], chips[0]]  # one chip is kept, however many come


def test_a_deployment_that_ran_can_be_pickled_and_copied(deployment: edgebnn.Deployment) -> None:
    scores = deployment.run(X, chip=3)
    for other in (pickle.loads(pickle.dumps(deployment)), copy.deepcopy(deployment)):  # noqa: S301 - our own bytes
        assert np.array_equal(other.run(X, chip=3), scores)


def test_the_repr_of_an_emulation_is_one_short_line(deployment: edgebnn.Deployment) -> None:
    shown = repr(deployment.emulate((X, Y), chips=2, firmware_samples=0))
    assert len(shown) < 120 and "\n" not in shown
    assert "samples=5" in shown and "chips=2" in shown and "accuracy=" in shown


def test_the_repr_of_other_findings_is_one_short_line_too(deployment: edgebnn.Deployment) -> None:
    right = deployment.run(X).argmax(axis=1)
    for found, told in (
        (deployment.estimate(), "energy_nj="),
        (deployment.sweep_ber((X, Y), [1e-3, 1e-2], 2), "chips=2, points=2"),
        (deployment.find_endurance((X, right), 0.5, 2), "allowed=0.5, chips=2"),
    ):
        assert len(repr(found)) < 120 and "\n" not in repr(found) and told in repr(found)


def test_nothing_that_python_users_get_floods_a_notebook(deployment: edgebnn.Deployment) -> None:
    measured = Measured(np.arange(500), np.full((500, 2), 0.1), None, "cells.csv", "0" * 64)
    heard: list[object] = []
    deployment.trim(3, X, heard=heard.append)
    found = (
        deployment.mapped, deployment.memory, deployment.estimate(days=3), deployment.dataset(X, Y), measured,
        deployment.emulate((X, Y), 2, firmware_samples=1), deployment.find_sensitivity((X, Y), 2),
        deployment.sweep_ber((X, Y), [1e-3], 2), *heard,
    )  # fmt: skip
    seen = {type(each).__name__: repr(each) for one in found for each in all_within(one)}
    assert {"MappedNetwork", "Network", "Linear", "Threshold", "Target", "Plan", "Trim", "Programming"} <= seen.keys()
    for name, shown in seen.items():
        assert len(shown) < 600 and "\n" not in shown and "array(" not in shown, (name, shown)
    assert "weights=<int8 (32, 4, 8)>" in repr(deployment.mapped.network.linear[0])
    assert "target=Target('rram130')" in repr(deployment.mapped)
    assert "clock=50 MHz" in repr(deployment.mapped.target.cpu)


def test_who_wants_to_hear_nothing_may_say_so(deployment: edgebnn.Deployment) -> None:
    edgebnn.compile(ECG_PVC, step=None)
    deployment.trim(3, X, step=None, heard=None)
    for use in (
        lambda progress: deployment.emulate((X, Y), 1, firmware_samples=0, progress=progress),
        lambda progress: deployment.sweep_ber((X, Y), [1e-3], 1, progress=progress),
        lambda progress: deployment.find_endurance((X, Y), 0.5, 1, progress=progress),
        lambda progress: deployment.find_sensitivity((X, Y), 1, progress=progress),
    ):
        use(None)
        with pytest.raises(TargetError, match="progress is True; give a function"):
            use(True)
    with pytest.raises(TargetError, match="step is 'all'; give a function"):
        edgebnn.compile(ECG_PVC, step="all")  # type: ignore[arg-type]
    with pytest.raises(TargetError, match="heard is 3; give a function"):
        deployment.trim(3, X, heard=3)  # type: ignore[arg-type]


def all_within(found: object) -> Iterator[object]:
    """An object of the package and all of those that its fields lead to."""
    if isinstance(found, Mapping | tuple | list):
        for each in list(found.values() if isinstance(found, Mapping) else found)[:20]:
            yield from all_within(each)
    if type(found).__module__.startswith("edgebnn.") and not isinstance(found, Enum | type):
        yield found
        names = getattr(type(found), "__struct_fields__", None) or getattr(type(found), "__dataclass_fields__", ())
        for name in names:
            yield from all_within(getattr(found, name))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda it: it.save(None), "the folder is of the type NoneType"),
        (lambda it: edgebnn.load(3), "the folder is of the type int"),
        (lambda it: it.chip("x"), "seed is 'x'; give a whole number"),
        (lambda it: it.chip(1.5), r"seed is 1\.5; give a whole number"),
        (lambda it: it.chip(1, ber="0.1"), "bit_error_rate is '0.1'; give a number"),
        (lambda it: it.chip(1, cycles="5"), "cycles is '5'; give a whole number"),
        (lambda it: it.chip(1, temperature_c="hot"), "temperature_c is 'hot'; give a number"),
        (lambda it: it.chip(1, temperature_c=-300), r"the temperature -300 C .*absolute zero is -273\.15 C"),
        (lambda it: it.run(X, chip="x"), "seed is 'x'; give a whole number"),
        (lambda it: it.run(X, first_inference="a"), "first_inference is 'a'; give a whole number"),
        (lambda it: it.emulate((X, Y), chips="ab"), "chips are instances"),
        (lambda it: it.emulate((X, Y), chips=[1]), "chips are instances"),
        (lambda it: it.emulate((X, Y), chips=1.5), "chips are instances"),
        (lambda it: it.estimate(days="x"), "days is 'x'; give a number"),
    ],
)
def test_values_of_a_wrong_type_are_one_sentence(
    call: Callable[[Any], object], said: str, deployment: edgebnn.Deployment
) -> None:
    with pytest.raises(EdgeBNNError, match=said):
        call(deployment)


def test_the_cycles_until_the_accuracy_falls_are_found(deployment: edgebnn.Deployment) -> None:
    right = deployment.run(X).argmax(axis=1)
    found = deployment.find_endurance((X, right), 0.5, 2, seed=3)
    assert found.allowed == 0.5 and found.chips == 2 and found.tried[0].cycles == 0
    assert found.cycles is not None and found.cycles <= found.device_cycles
    assert deployment.find_endurance((X, right), 0.5, [deployment.chip(3), deployment.chip(4, cycles=9)]) == found
    assert deployment.find_endurance((X, right), 0.5, 1, like=deployment.chip(9, policy="strong")).chips == 1
    for words, said in (
        ({"allowed": 1.5}, "a fraction from 0 to 1"),
        ({"allowed": "half"}, "give a number"),
        ({"allowed": 0.5, "chips": 0}, "ask for some"),
        ({"allowed": 0.5, "chips": [deployment.chip(3)], "seed": 3}, "a chip has its own"),
        ({"allowed": 0.5, "like": deployment.chip(0, 0.1)}, "does not age"),
    ):
        with pytest.raises(TargetError, match=said):
            deployment.find_endurance((X, right), **words)


def test_what_emulation_cannot_be_told_is_refused_in_a_sentence(deployment: edgebnn.Deployment) -> None:
    """Numbers of chips that nobody waits for, rates that are no list, and words that are nothing at all."""
    for chips in (10**9, -1):
        for verb in (deployment.emulate, deployment.find_sensitivity):
            with pytest.raises(TargetError, match="or a list of them; 10,000 are drawn at most"):
                verb((X, Y), chips)
    for rates in (None, 0.1, "1e-3,1e-2"):
        with pytest.raises(TargetError, match="give a list of bit error rates"):
            deployment.sweep_ber((X, Y), rates)  # type: ignore[arg-type]
    with pytest.raises(TargetError, match="allowed is None"):
        deployment.find_endurance((X, Y), None)  # type: ignore[arg-type]
    with pytest.raises(TargetError, match="battery is 3; give a cell's name"):
        deployment.estimate(battery=3)  # type: ignore[arg-type]
    with pytest.raises(DeploymentError, match="cannot be opened"):
        edgebnn.load("a" * 5000)


def test_a_dict_has_its_labels_as_a_file_has(deployment: edgebnn.Deployment) -> None:
    pair, named = (deployment.emulate(data, firmware_samples=0) for data in ((X, Y), {"x": X, "y": Y}))
    assert named.accuracy == pair.accuracy and pair.accuracy is not None


def test_samples_with_labels_calibrate_what_needs_none() -> None:
    placed, *others = (
        edgebnn.compile(ECG_PVC, trim="on-chip", calibration=data)  # type: ignore[arg-type]
        for data in (X, (X, Y), Dataset(X, np.array(Y, np.int64)))
    )
    assert all(other.files == placed.files for other in others)


@pytest.mark.parametrize("wrong", [None, 3, ["linear"], "best"])
def test_a_placement_or_a_toolchain_that_is_none_is_one_sentence(wrong: Any) -> None:
    with pytest.raises(TargetError, match=r"there is no placement '.*'; choose one of: linear, ber-aware"):
        edgebnn.compile(ECG_PVC, placement=wrong)
    with pytest.raises(ToolError, match=r"there is no toolchain '.*'; use auto, zig or gcc"):
        edgebnn.compile(ECG_PVC, toolchain=wrong)


def test_firmware_runs_no_negative_number_of_samples(deployment: edgebnn.Deployment) -> None:
    with pytest.raises(TargetError, match="firmware_samples is -3"):
        deployment.emulate((X, Y), firmware_samples=-3)
