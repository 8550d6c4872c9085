"""`edgebnn compile --policy auto`: what it writes, what Python makes of it, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import edgebnn
from edgebnn.errors import DataError, FitError, TargetError
from tests.cli.test_errors_met import two_layers
from tests.cli.test_models import document
from tests.cli.test_models import edgebnn as command

AUTO = ("--policy", "auto", "--max-accuracy-drop", 4, "--measure-chips", 2, "--verify-chips", 3)
WORDS = {"policy": "auto", "max_accuracy_drop": 4, "measure_chips": 2, "verify_chips": 3, "input_type": "uint8"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model, and samples whose labels are its own answers."""
    folder = tmp_path_factory.mktemp("auto")
    model = two_layers().save(folder)
    x = np.random.default_rng(1).integers(0, 256, (600, 24)).astype(np.uint8)
    y = edgebnn.compile(model, "host", input_type="uint8").run(x).argmax(axis=1)
    np.savez(folder / "data.npz", x=x, y=y)
    return model, folder / "data.npz"


def samples(path: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    held = np.load(path)
    return held["x"], held["y"]


@pytest.fixture(scope="module")
def chosen(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:  # type: ignore[type-arg]
    model, data = files
    folder = tmp_path_factory.mktemp("chosen") / "out"
    words = ("compile", model, "--input-type", "uint8", "--calibration", data, *AUTO, "-o", folder)
    return folder, document(*words)


def test_the_command_tells_what_was_predicted_and_verified(chosen: tuple[Path, dict]) -> None:  # type: ignore[type-arg]
    folder, told = chosen
    deployment = edgebnn.load(folder)
    assert told["policies"] == {name: stage.policy for name, stage in deployment.mapped.linear_stages.items()}
    low, high = told["accuracy_verified_interval"]
    assert 0.96 <= low <= told["accuracy_verified"] <= high and told["accuracy"] == 1.0
    low, high = told["accuracy_predicted_interval"]
    assert low <= told["accuracy_predicted"] <= high
    assert told["accuracy_drop_verified_interval"][1] <= 4
    assert told["accuracy_verified"] == pytest.approx(1 - told["accuracy_drop_verified"] / 100)
    assert told["programming_energy_uj"] == pytest.approx(deployment.estimate().programming.total_j * 1e6)  # type: ignore[union-attr]
    assert told["programming_energy_cheapest_uj"] <= told["programming_energy_uj"]
    assert told["programming_energy_uj"] < told["programming_energy_strongest_uj"]
    choice = told["policy_choice"]
    assert told["rounds"] == len(choice["tried"]) and choice["policies"] == told["policies"]
    assert (choice["samples"], choice["measure_chips"], choice["verify_chips"]) == (600, 2, 3)
    assert choice["errors"] == "table" and choice["strongest_policy"] == "strong"
    assert set(choice["sensitivity"]) == set(told["policies"])
    assert json.loads((folder / "policies.json").read_text()) == choice
    assert "--policy auto --max-accuracy-drop 4 --measure-chips 2" in deployment.mapped.provenance.options


def test_python_makes_the_same_deployment(files: tuple[Path, Path], chosen: tuple[Path, dict]) -> None:  # type: ignore[type-arg]
    model, data = files
    x, y = samples(data)
    loaded = edgebnn.load(chosen[0])
    for calibration in ((x, y), {"x": x, "y": y}):
        assert edgebnn.compile(model, calibration=calibration, **WORDS).files == loaded.files  # type: ignore[arg-type]


def test_a_table_tells_it_too(files: tuple[Path, Path], tmp_path: Path) -> None:
    model, data = files
    last = edgebnn.inspect(model, input_type="uint8").network.linear[-1].name  # type: ignore[union-attr]
    words = ("compile", model, "--input-type", "uint8", "--calibration", data, *AUTO, "--policy-for", f"{last}=nominal")
    result = command(*words, "--errors", "ber", "--objective", "endurance", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stdout.split())
    assert "verified loss" in shown and "of 4 allowed, 3 chips x 600 samples" in shown
    assert "verify policies: lost" in result.stderr and "measure what each layer loses" in result.stderr
    deployment = edgebnn.load(tmp_path / "out")
    assert deployment.mapped.linear_stages[last].policy == "nominal"
    assert "--objective endurance --errors ber" in deployment.mapped.provenance.options


def test_it_can_be_for_chips_that_are_trimmed(files: tuple[Path, Path], tmp_path: Path) -> None:
    model, data = files
    words = ("compile", model, "--input-type", "uint8", "--calibration", data, *AUTO, "--trim-samples", 100)
    result = command(*words, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stdout.split())
    assert "of 4 allowed, 3 chips x 500 samples" in shown
    assert "chips that are trimmed, each by 100 samples (edgebnn trim): trim each of yours" in shown
    loaded = edgebnn.load(tmp_path / "out")
    assert json.loads(loaded.files["policies.json"])["trim_samples"] == 100
    assert "--trim-samples 100" in loaded.mapped.provenance.options
    same = edgebnn.compile(model, calibration=samples(data), trim_samples=100, **WORDS)  # type: ignore[arg-type]
    assert same.files == loaded.files


def test_attempts_are_chosen_too(files: tuple[Path, Path], tmp_path: Path) -> None:
    model, data = files
    words = ("compile", model, "--input-type", "uint8", "--calibration", data, *AUTO, "--most-attempts", 2)
    told = document(*words, "-o", tmp_path / "out")
    choice = told["policy_choice"]
    assert (choice["errors"], choice["most_attempts"]) == ("device", 2)
    once = document("estimate", tmp_path / "out")["programming_energy_uj"]
    assert told["programming_energy_uj"] == choice["programming_energy_uj"] == pytest.approx(once)
    assert told["programming_energy_attempts_uj"] == choice["tried"][-1]["programming_energy_attempts_uj"] >= once
    assert told["attempts"] == choice["attempts"] and set(choice["attempts"].values()) <= {1, 2}
    assert edgebnn.load(tmp_path / "out").mapped.allocation.attempts == choice["attempts"]
    result = command(*words, "--errors", "table", "-o", tmp_path / "other")
    assert result.exit_code == 1 and "only the error model 'device' knows" in " ".join(result.stderr.split())


def test_it_goes_with_placement_on_programmings_of_the_chip(files: tuple[Path, Path], tmp_path: Path) -> None:
    model, data = files
    small = tmp_path / "small.toml"
    assert command("targets", "copy", "rram130", small, "--set", "array.banks=32").exit_code == 0
    words = ("compile", model, "--target", small, "--input-type", "uint8", "--calibration", data, *AUTO)
    told = document(*words, "--placement", "ber-aware", "--chip", 3, "--readings", 1, "-o", tmp_path / "out")
    assert told["placement"]["chip"].startswith("chip 3 (errors table")
    assert told["policy_choice"]["chip"] == "chip 3 (errors table, policy as chosen)"
    deployment, (x, _) = edgebnn.load(tmp_path / "out"), samples(data)
    plain = edgebnn.compile(model, input_type="uint8")
    assert np.array_equal(deployment.run(x, integers=True), plain.run(x, integers=True))
    assert deployment.mapped.allocation.banks is not None
    trimmed = deployment.trim(3, x)
    assert {"policies.json", "placement.json"} <= set(trimmed.files)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--policy", "auto"), "goes with --max-accuracy-drop"),
        (("--max-accuracy-drop", "1"), "goes with --policy auto"),
        (("--objective", "energy"), "goes with --policy auto"),
        (("--trim-samples", "10"), "goes with --policy auto"),
        (("--most-attempts", "2"), "goes with --policy auto"),
        (("--errors", "ber"), "goes with --policy auto or --chip SEED"),
        (("--policy", "auto", "--max-accuracy-drop", "0"), "0<x<=100"),
        (("--policy", "auto", "--max-accuracy-drop", "1"), "give calibration samples with labels"),
        (("--target", "cortex-m4", "--policy", "auto", "--max-accuracy-drop", "4", "DATA"), "no layer in RRAM"),
        (("--policy", "auto", "--max-accuracy-drop", "0.1", "DATA"), "cannot show that the accuracy"),
        (("--policy", "auto", "--max-accuracy-drop", "4", "UNLABELLED"), "have no labels y"),
        (("--policy", "auto", "--max-accuracy-drop", "4", "DATA", "--policy-for", "x=strong"), "no layer of the name"),
        (("--policy", "auto", "--max-accuracy-drop", "4", "--chip", "1", "--seed", "5"), "leave one out"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], said: str, files: tuple[Path, Path], tmp_path: Path) -> None:
    model, data = files
    np.savez(tmp_path / "x.npz", x=samples(data)[0])
    put = {"DATA": ("--calibration", data), "UNLABELLED": ("--calibration", tmp_path / "x.npz")}
    full = [part for word in words for part in put.get(word, (word,))]
    result = command("compile", model, "--input-type", "uint8", "-o", tmp_path / "out", *full)
    assert result.exit_code in (1, 2) and said in " ".join(result.stderr.split()), result.stderr
    assert not (tmp_path / "out").exists()


def test_what_python_refuses(files: tuple[Path, Path]) -> None:
    model, data = files
    x, y = samples(data)
    chip = edgebnn.compile(model, input_type="uint8").chip(1)
    for changed, error, said in (
        ({"max_accuracy_drop": None}, TargetError, "give max_accuracy_drop"),
        ({"max_accuracy_drop": 0}, TargetError, "above 0"),
        ({"max_accuracy_drop": 1e-300}, DataError, "points; allow more"),
        ({"max_accuracy_drop": "1"}, TargetError, "give a number"),
        ({"objective": "speed"}, TargetError, "no objective 'speed'"),
        ({"errors": "some"}, TargetError, "no errors 'some'"),
        ({"verify_chips": 1}, TargetError, "verify_chips is 1; use 2 to"),
        ({"chip_yield": 0}, TargetError, "chip_yield is 0; give a share"),
        ({"chip_yield": 1.0}, TargetError, "chip_yield is 1; give a share"),
        ({"chip_yield": "all"}, TargetError, "give a number"),
        ({"chip_yield": float("nan")}, TargetError, "chip_yield"),
        ({"chip_yield": 0.95}, TargetError, "3 chips cannot show .* verify on at least 72"),
        ({"reprogrammings": -1}, TargetError, "reprogrammings is -1"),
        ({"most_attempts": 0}, TargetError, "most_attempts is 0; use 1 to 100"),
        ({"trim_samples": -1}, TargetError, "trim_samples is -1"),
        ({"trim_samples": 600}, DataError, "beside the 600 that trim"),
        ({"calibration": x}, DataError, "no labels y"),
        ({"calibration": (x, y[:3])}, DataError, "give one a sample"),
        ({"calibration": (x, y + 9)}, DataError, "the classes are 0 to 4"),
        ({"placement": "ber-aware", "chip": chip, "errors": "ber"}, TargetError, "error model of its own"),
        ({"policy": "strong"}, TargetError, "is for the policy auto"),
        ({"policies": {"x": "strong"}}, FitError, "no layer of the name"),
    ):
        with pytest.raises(error, match=said):
            edgebnn.compile(model, **{**WORDS, "calibration": (x, y), **changed})  # type: ignore[arg-type]
