"""The command line: exit codes, JSON fields that other tools rely on, one sentence for every error."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edgebnn.api import load
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.cli.main import COMMANDS, group
from edgebnn.devices.beats import beat_windows
from edgebnn.emulator.agreement import Agreement
from edgebnn.errors import NoCompilerError, TargetError, ToolError
from edgebnn.models import ECG_PVC
from edgebnn.report.emulation import disagreement
from tests.devices.records import patient, save

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")


def edgebnn(*words: object) -> Result:
    return CliRunner().invoke(group, [str(word) for word in words])


def document(*words: object) -> dict[str, Any]:
    result = edgebnn(*words, "--json")
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def refused(*words: object) -> str:
    """The one sentence of a refusal: exit code 1, nothing on stdout, no traceback."""
    result = edgebnn(*words)
    assert result.exit_code == 1, result.output
    assert result.stdout == "" and "Traceback" not in result.output
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("edgebnn: ")
    return lines[-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "out"
    result = edgebnn("compile", ECG_PVC, "--target", "rram130", "-o", path, "--policy", "low-energy")
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="module")
def cortex(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "cortex"
    assert edgebnn("compile", ECG_PVC, "--target", "cortex-m4", "-o", path).exit_code == 0
    return path


@pytest.fixture(scope="module")
def windows(folder: Path) -> Path:
    x = np.random.default_rng(0).integers(-128, 128, size=(40, 4, 120)).astype(np.int8)
    np.save(folder.parent / "x.npy", x)
    np.savez(folder.parent / "data.npz", x=x, y=np.arange(40) % 2)
    return folder.parent


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, click.testing; from edgebnn.cli.main import group;"
        "r = click.testing.CliRunner().invoke(group, ['--help']); assert r.exit_code == 0;"
        "print([m for m in ('numpy', 'onnx', 'onnxruntime', 'torch', 'rich', 'scipy') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command: str) -> None:
    result = edgebnn(command, "--help")
    assert result.exit_code == 0
    assert "--json" in result.output or command in ("targets", "chip", "device")


def test_inspect_states_the_layers() -> None:
    found = document("inspect", ECG_PVC)
    assert found["problems"] == [] and found["ambiguous_thresholds"] == 0
    convolution = found["layers"][0]
    expected = {"kind": "conv1d", "weights": "binary", "input_shape": [4, 120], "fan_in": 32, "runs_on": "rram"}
    assert {name: convolution[name] for name in expected} == expected
    assert convolution["macs"] == convolution["fan_in"] * np.prod(convolution["output_shape"])
    assert {layer["runs_on"] for layer in document("inspect", ECG_PVC, "--target", "cortex-m4")["layers"]} == {"cpu"}


def test_compile_writes_what_the_design_names(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "deployment.json",
        "weights.bin",
        "network.bin",
        "firmware",
        "firmware.elf",
        "memory_map.json",
        "memory_map.csv",
        "memory_map.md",
        "memory_map.svg",
    }


def test_compile_reports_what_it_wrote(tmp_path: Path) -> None:
    found = document("compile", ECG_PVC, "-o", tmp_path / "out")
    assert found["deployment"] == str(tmp_path / "out") and found["target"] == "rram130"
    assert found["weights_bytes"] == (tmp_path / "out" / "weights.bin").stat().st_size
    lines = csv.DictReader((tmp_path / "out" / "memory_map.csv").read_text().splitlines())
    assert found["synapses"] == sum(int(line["rows"]) * int(line["count"]) for line in lines)
    assert set(found["policies"].values()) == {"strong"} and len(found["model_sha256"]) == 64
    assert found["banks"] > 0 and found["sram_bytes"] > 0 and found["code_bytes"] > 0
    assert found["bank_utilisation"] == found["synapses"] / (found["banks"] * 32 * 32)


def test_the_same_inputs_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    result = edgebnn("compile", ECG_PVC, "-o", tmp_path / "again", "--policy", "low-energy")
    assert result.exit_code == 0
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    again = sorted(path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*") if path.is_file())
    assert files == again
    for name in files:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


@pytest.mark.parametrize("chip", [(), ("--chip", "3"), ("--chip", "3", "--ber", "0.03")])
def test_run_gives_the_same_scores_on_every_executor(folder: Path, windows: Path, chip: tuple[str, ...]) -> None:
    scores = {}
    for on in ("reference", "fast", "firmware"):
        output = windows / f"{on}.npy"
        found = document("run", folder, "--input", windows / "x.npy", "--output", output, "--on", on, *chip)
        scores[on] = np.load(output)
        assert found["samples"] == 40 and found["classes"] == scores[on].argmax(axis=1).tolist()
    assert np.array_equal(scores["reference"], scores["fast"])
    assert np.array_equal(scores["reference"], scores["firmware"])


def test_a_saved_chip_is_the_same_chip(folder: Path, windows: Path) -> None:
    common = ("run", folder, "--input", windows / "x.npy", "--integers")
    document(*common, "--output", windows / "a.npy", "--chip", 5, "--ber", 0.1, "--save-chip", windows / "chip.json")
    document(*common, "--output", windows / "b.npy", "--chip", windows / "chip.json")
    document(*common, "--output", windows / "c.npy")
    assert np.array_equal(np.load(windows / "a.npy"), np.load(windows / "b.npy"))
    assert not np.array_equal(np.load(windows / "a.npy"), np.load(windows / "c.npy"))


def test_emulate_compares_judges_and_counts(folder: Path, windows: Path) -> None:
    found = document(
        *("emulate", folder, "--data", windows / "data.npz", "--chips", 3, "--ber", 0.02),
        *("--model", ECG_PVC, "--max-accuracy-drop", 100),
    )
    assert found["samples"] == 40 and found["executors_agree"] is True
    assert set(found["agreement"]) == {
        "reference-fast",
        "reference-firmware",
        "fast-firmware",
        "onnxruntime-fast",
        "reference-fast with errors",
        "reference-firmware with errors",
        "fast-firmware with errors",
    }
    assert all(pair == {"compared": 40, "equal": 40} for pair in found["agreement"].values())
    assert [chip["seed"] for chip in found["chips"]] == [0, 1, 2]
    assert all(chip["wrong_bits"] > 0 for chip in found["chips"])
    low, high = found["accuracy_interval"]
    assert low <= found["accuracy"] <= high
    assert found["verdict"] == "holds"
    assert sum(found["evidence"].values()) == pytest.approx(1)
    parts = dict(found["energy_per_inference_nj"])
    assert parts.pop("total") == pytest.approx(sum(parts.values()))
    assert found["latency_per_inference_us"] > 0


def test_a_verdict_has_its_reason(folder: Path, windows: Path, cortex: Path) -> None:
    labelled, bare = windows / "data.npz", windows / "x.npy"

    def verdict(*words: object) -> tuple[str, str]:
        found = document("emulate", *words, "--firmware-samples", 0)
        return found["verdict"], found["verdict_reason"]

    word, reason = verdict(folder, "--data", bare, "--max-accuracy-drop", 1)
    assert word == "unresolved" and "no labels y" in reason
    word, reason = verdict(folder, "--data", labelled, "--chips", 0, "--max-accuracy-drop", 1)
    assert word == "unresolved" and "--chips" in reason
    word, reason = verdict(cortex, "--data", labelled, "--max-accuracy-drop", 1)
    assert word == "unresolved" and "has no RRAM" in reason
    word, reason = verdict(folder, "--data", labelled, "--max-accuracy-drop", 0)
    assert word == "unresolved" and "reaches beyond it" in reason
    assert verdict(folder, "--data", labelled, "--max-accuracy-drop", 100) == (
        "holds",
        "the whole 95% interval of the drop lies within it",
    )


def test_a_verdict_is_printed_with_its_reason_and_fails_with_exit_code_0(folder: Path, windows: Path) -> None:
    """Chips whose weights say nothing any more."""
    beats = patient(1)
    x = beat_windows(beats.adc, beats.beats, beats.fs_hz)
    data = _npz(windows / "beats.npz", x=x, y=beats.is_pvc)
    chips = ("--ber", 0.5, "--chips", 5, "--firmware-samples", 0)
    found = edgebnn("emulate", folder, "--data", data, "--max-accuracy-drop", 1, *chips)
    assert found.exit_code == 0
    assert "fails: the whole 95% interval of the drop lies beyond it" in " ".join(found.stdout.split())
    assert "exit code stays 0" in " ".join(edgebnn("emulate", "--help").output.split())


@pytest.mark.parametrize("command", ["emulate", "demo"])
def test_executors_that_disagree_are_exit_code_1_after_the_output(
    command: str, folder: Path, windows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_but_one(one: Any, other: Any) -> Agreement:
        return Agreement(len(one), len(one) - 1)

    monkeypatch.setattr("edgebnn.emulator.emulate.same_integers", all_but_one)
    words = {
        "emulate": ("emulate", folder, "--data", windows / "data.npz"),
        "demo": ("demo", "--record", save(patient(1, beats=20), windows), "--chips", 0),
    }[command]
    result = edgebnn(*words, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["executors_agree"] is False
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("edgebnn: ")]
    assert "executors disagree on target 'rram130' (reference-fast: " in line and "please report it" in line


def test_onnxruntime_may_differ_at_ambiguous_thresholds() -> None:
    pairs = {"reference-fast": (40, 40), "onnxruntime-fast": (40, 38)}
    found = {pair: {"compared": compared, "equal": equal} for pair, (compared, equal) in pairs.items()}
    sentence = disagreement({"target": "host", "agreement": found})
    assert sentence is not None and "onnxruntime-fast: 38 of 40 samples are equal" in sentence
    assert "reference-fast" not in sentence and "ambiguous thresholds" in sentence
    assert disagreement({"target": "host", "agreement": {"reference-fast": found["reference-fast"]}}) is None


def test_estimate_equals_what_the_emulator_counts(folder: Path, windows: Path) -> None:
    estimated = document("estimate", folder)
    emulated = document("emulate", folder, "--data", windows / "data.npz", "--chips", 0)
    closed = estimated["array_events_closed_form"]
    for name in ("pcsa_reads", "popcounts", "thresholds", "array_cycles"):
        assert closed[name] == estimated["events_counted"][name] == emulated["events_per_inference"][name]
    total = estimated["energy_per_inference_nj"]["total"]
    assert total == pytest.approx(emulated["energy_per_inference_nj"]["total"], rel=0.05)
    assert estimated["programming_energy_uj"] == pytest.approx(emulated["programming_energy_uj"])


def test_estimate_takes_a_model_too() -> None:
    found = document("estimate", ECG_PVC, "--target", "cortex-m4")
    assert found["target"] == "cortex-m4" and found["memory"]["banks"] == 0
    assert found["memory"]["bank_utilisation"] is None
    assert found["energy_per_inference_nj"]["total"] > 0 and found["programming_energy_uj"] is None
    assert document("estimate", ECG_PVC, "--target", "host")["energy_per_inference_nj"] is None


def test_targets_are_listed_shown_and_checked(tmp_path: Path) -> None:
    assert [t["name"] for t in document("targets", "list")["targets"]] == ["cortex-m4", "host", "rram130"]
    shown = document("targets", "show", "rram130")
    assert all(number["source"] and number["evidence"] and number["unit"] for number in shown["numbers"])
    assert document("targets", "check", "rram130")["sound"] is True
    bad = tmp_path / "bad.toml"
    bad.write_text('schema = 1\nname = "x"\n')
    assert "bad.toml" in refused("targets", "check", bad)


def test_json_goes_to_a_file_beside_the_tables(tmp_path: Path) -> None:
    result = edgebnn("inspect", ECG_PVC, "--json", tmp_path / "out.json")
    assert result.exit_code == 0 and "conv1d" in result.stdout
    assert json.loads((tmp_path / "out.json").read_text())["layers"]


def damaged(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_bad_files_are_one_sentence_and_leave_nothing(
    folder: Path, cortex: Path, windows: Path, tmp_path: Path
) -> None:
    onnx = damaged(tmp_path / "cut.onnx", ECG_PVC.read_bytes()[:3000])
    assert "cut.onnx" in refused("compile", onnx, "-o", tmp_path / "out")
    assert "cut.onnx" in refused("estimate", onnx)
    assert "bad.npy" in refused(
        "run", folder, "--input", damaged(tmp_path / "bad.npy", b"\x93NUMPY"), "--output", tmp_path / "s.npy"
    )
    np.save(tmp_path / "number.npy", np.int8(3))
    assert "number.npy': the data are a single number" in refused("run", folder, "--input", tmp_path / "number.npy")
    np.save(tmp_path / "shape.npy", np.zeros((3, 7), np.int8))
    assert "(3, 7)" in refused("run", folder, "--input", tmp_path / "shape.npy", "--output", tmp_path / "s.npy")
    np.save(tmp_path / "range.npy", np.full((1, 4, 120), 300))
    assert "-128 to 127" in refused("run", folder, "--input", tmp_path / "range.npy", "--output", tmp_path / "s.npy")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert "objects" in refused("run", folder, "--input", tmp_path / "objects.npy", "--output", tmp_path / "s.npy")
    assert "no array 'x'" in refused("emulate", folder, "--data", _npz(tmp_path / "z.npz", z=np.zeros(3)))
    assert "no deployment folder" in refused("estimate", tmp_path)
    assert "no target 'rram999'" in refused("compile", ECG_PVC, "--target", "rram999", "-o", tmp_path / "out")
    assert "no programming policy" in refused("compile", ECG_PVC, "--policy", "weak", "-o", tmp_path / "out")
    assert "keeps its weights in flash" in refused(
        "run", cortex, "--input", windows / "x.npy", "--chip", "1", "--ber", "0.1"
    )
    assert not (tmp_path / "out").exists() and not (tmp_path / "s.npy").exists()


def _npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_a_wrong_label_shape_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    data = _npz(tmp_path / "d.npz", x=np.zeros((3, 4, 120), np.int8), y=np.zeros((3, 2), np.int64))
    assert "labels" in refused("emulate", folder, "--data", data)


def test_an_empty_batch_has_no_scores_and_no_error(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "none.npy", np.zeros((0, 4, 120), np.int8))
    for on in ("reference", "fast", "firmware"):
        found = document("run", folder, "--input", tmp_path / "none.npy", "--output", tmp_path / "s.npy", "--on", on)
        assert found["samples"] == 0 and np.load(tmp_path / "s.npy").shape == (0, 2)


def test_labels_that_are_no_classes_are_refused(folder: Path, tmp_path: Path) -> None:
    for labels in (np.array([0, 1, 2]), np.array([0, -1, 1]), np.array([0, 1, 2**63], np.uint64)):
        data = _npz(tmp_path / "d.npz", x=np.zeros((3, 4, 120), np.int8), y=labels)
        said = refused("emulate", folder, "--data", data)
        assert f"the labels run from {labels.min()} to {labels.max()}" in said and "class" in said and "d.npz" in said


def test_another_model_is_not_compared(folder: Path, windows: Path, tmp_path: Path) -> None:
    other = damaged(tmp_path / "other.onnx", ECG_PVC.read_bytes().replace(b"pytorch", b"pYtorch", 1))
    assert other.read_bytes() != ECG_PVC.read_bytes()
    sentence = refused("emulate", folder, "--data", windows / "data.npz", "--model", other)
    assert "not the model that the deployment was compiled from" in sentence


def test_files_that_cannot_be_written_are_named(folder: Path, windows: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert "gone/o.json" in refused("inspect", ECG_PVC, "--json", gone / "o.json")
    common = ("run", folder, "--input", windows / "x.npy")
    assert "gone/s.npy" in refused(*common, "--output", gone / "s.npy")
    assert "gone/chip.json" in refused(*common, "--chip", 1, "--save-chip", gone / "chip.json")


def test_a_broken_build_is_not_taken_for_a_missing_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Firmware is left out where there is no compiler, never where the compiler refuses what we generated."""

    def broken(*arguments: object) -> None:
        raise ToolError("the compiler failed on the generated firmware")

    monkeypatch.setattr("edgebnn.api.build_firmware", broken)
    assert "the compiler failed" in refused("compile", ECG_PVC, "-o", tmp_path / "out")

    def missing(*arguments: object) -> None:
        raise NoCompilerError("nothing found")

    monkeypatch.setattr("edgebnn.api.build_firmware", missing)
    found = document("compile", ECG_PVC, "-o", tmp_path / "out")
    assert found["code_bytes"] is None and "edgebnn[soc]" in found["notes"][-1]
    assert not (tmp_path / "out" / "firmware.elf").exists()
    np.savez(tmp_path / "d.npz", x=np.zeros((2, 4, 120), np.int8))
    get_one = "no cross compiler was found; pip install 'edgebnn[soc]' and compile again"
    assert get_one in refused("estimate", tmp_path / "out")
    assert get_one in refused("run", tmp_path / "out", "--input", tmp_path / "d.npz", "--on", "firmware")
    emulated = edgebnn("emulate", tmp_path / "out", "--data", tmp_path / "d.npz")
    assert emulated.exit_code == 0 and get_one in " ".join(emulated.stdout.split())


@pytest.mark.parametrize(
    "words",
    [
        ("emulate", ".", "--data", "pyproject.toml", "--max-accuracy-drop", "nan"),
        ("run", ".", "--input", "pyproject.toml", "--save-chip", "c.json"),
        ("demo", "--target", "host", "--target", "host"),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(words: tuple[str, ...]) -> None:
    assert edgebnn(*words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "run {folder} --input {data} --chip {chip} --ber 0.1",
            "brings its own errors, policy and conditions; leave out --ber",
        ),
        ("run {folder} --input {data} --ber 0.1", "--ber goes with --chip SEED"),
        ("run {folder} --input {data} --chip -5", "--chip -5 is out of range; a seed is a whole number from 0"),
        (f"run {{folder}} --input {{data}} --chip {2**63}", "a seed is a whole number from 0 to 2^63 - 1"),
        (f"run {{folder}} --input {{data}} --chip {'9' * 5000}", "a seed is a whole number from 0 to 2^63 - 1"),
        ("estimate {folder} --calibration {data}", "go with a MODEL"),
        ("estimate {folder} --input-type int8", "go with a MODEL"),
        ("estimate {folder} --input-scale 1/255", "go with a MODEL"),
        ("estimate {folder} --input-offset 0", "go with a MODEL"),
        ("emulate {cortex} --data {data} --chips 1", "target 'cortex-m4' has no RRAM"),
        ("emulate {cortex} --data {data} --seed 0", "target 'cortex-m4' has no RRAM"),
        ("emulate {folder} --data {data} --chips 0 --ber 0.1", "--ber is about chip instances"),
        ("demo --target host --chips 2", "no target has RRAM"),
        ("demo --target host --policy strong", "no target has RRAM"),
    ],
)
def test_an_option_that_would_be_ignored_is_wrong_usage(
    words: str, said: str, folder: Path, cortex: Path, windows: Path
) -> None:
    ChipInstance(3, 0.1).save(windows / "three.json")
    places = {"folder": folder, "cortex": cortex, "data": windows / "data.npz", "chip": windows / "three.json"}
    result = edgebnn(*(word.format(**places, model=ECG_PVC) for word in words.split()))
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.stderr.split())


def test_what_is_given_as_it_is_by_itself_is_no_wrong_usage(cortex: Path, windows: Path) -> None:
    found = document("emulate", cortex, "--data", windows / "data.npz", "--chips", 0)
    assert found["chips"] == []
    assert "keeps its weights in flash" in refused("emulate", cortex, "--data", windows / "data.npz", "--ber", 0.1)


@pytest.mark.parametrize("words", [("compile",), ("run", "."), ("emulate", ".", "--chips", "-1"), ("nonsense",)])
def test_wrong_usage_is_exit_code_2(words: tuple[str, ...]) -> None:
    assert edgebnn(*words).exit_code == 2


def test_run_takes_labels_and_prints_the_accuracy(folder: Path, windows: Path, tmp_path: Path) -> None:
    plain = document("run", folder, "--input", windows / "x.npy")
    assert plain["accuracy"] is None and plain["accuracy_interval"] is None
    for option in ("--input", "--data"):
        found = document("run", folder, option, windows / "data.npz")
        right = sum(found == index % 2 for index, found in enumerate(plain["classes"]))
        low, high = found["accuracy_interval"]
        assert found["classes"] == plain["classes"]
        assert found["accuracy"] == right / 40 and low < found["accuracy"] < high
    assert "95% interval" in edgebnn("run", folder, "--input", windows / "data.npz").stdout
    np.savez(tmp_path / "wrong.npz", x=np.load(windows / "x.npy"), y=np.full(40, 2))
    assert "the classes are 0 to 1" in refused("run", folder, "--input", tmp_path / "wrong.npz")


def test_emulate_sweeps_the_bit_error_rate(folder: Path, windows: Path, tmp_path: Path) -> None:
    """As JSON with every chip of every point, as a table and as a picture."""
    words = ("emulate", folder, "--data", windows / "data.npz", "--chips", 2, "--seed", 5, "--firmware-samples", 0)
    sweep = ("--sweep-ber", "0.3,1e-3..0.02", "--png", tmp_path / "curve.svg", "--json", tmp_path / "curve.json")
    result = edgebnn(*words, *sweep)
    assert result.exit_code == 0, result.output
    curve = json.loads((tmp_path / "curve.json").read_text())["accuracy_curve"]
    assert [point["bit_error_rate"] for point in curve["points"]] == [1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.3]
    assert all([chip["seed"] for chip in point["chips"]] == [5, 6] for point in curve["points"])
    again = load(folder).sweep_ber((np.load(windows / "x.npy"), np.arange(40) % 2), [0.3], 2, seed=5)
    last = curve["points"][-1]
    assert [chip["accuracy"] for chip in last["chips"]] == list(again.points[0].accuracies)
    assert "Accuracy against bit error rate, 2 chips" in result.stdout
    assert (tmp_path / "curve.svg").read_bytes().startswith(b"<?xml")


def test_emulate_finds_the_cycles_until_the_accuracy_falls(folder: Path, windows: Path, tmp_path: Path) -> None:
    words = ("emulate", folder, "--data", windows / "data.npz", "--chips", 2, "--seed", 5, "--firmware-samples", 0)
    result = edgebnn(*words, "--max-accuracy-drop", 20, "--find-endurance", "--json", tmp_path / "found.json")
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "found.json").read_text())["endurance"]
    x = np.load(windows / "x.npy")
    found = load(folder).find_endurance((x, np.arange(len(x)) % 2), 0.2, 2, seed=5)
    assert (told["accuracy_cycles"], told["device_cycles"]) == (found.cycles, found.device_cycles)
    assert told["accuracy_cycles_interval"] == list(found.interval)
    assert [each["cycles"] for each in told["tried"]] == [each.cycles for each in found.tried]
    assert "accuracy falls by 20 points" in result.stdout and "devices wear out after" in result.stdout
    for more in ([], ["--max-accuracy-drop", 20, "--cycles", 5]):
        assert edgebnn(*words, "--find-endurance", *more).exit_code == 2


def test_emulate_measures_how_much_layers_and_tiles_matter(folder: Path, windows: Path, tmp_path: Path) -> None:
    words = ("emulate", folder, "--data", windows / "data.npz", "--chips", 2, "--seed", 5, "--firmware-samples", 0)
    result = edgebnn(*words, "--sensitivity", "tiles", "--json", tmp_path / "found.json")
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "found.json").read_text())["sensitivity"]
    deployment, x = load(folder), np.load(windows / "x.npy")
    found = deployment.find_sensitivity((x, np.arange(len(x)) % 2), 2, tiles=True, seed=5)
    assert (told["chips"], told["samples"], told["seed"]) == (2, 40, 5)
    assert [each["layer"] for each in told["layers"]] == list(deployment.mapped.linear_stages)
    assert [each["accuracy_drop"] / 100 for each in told["layers"]] == pytest.approx(
        [each.drop.mean for each in found.layers]
    )
    assert sorted(each["bank"] for each in told["tiles"]) == list(range(deployment.mapped.plan.banks))
    agreement = {"layers": found.agreement_of_layers, "tiles": found.agreement, "neurons": None, "inputs": None}
    assert told["rank_correlation"] == agreement
    assert "Accuracy lost where one layer alone errs" in result.stdout and "that turn most answers" in result.stdout
    with pytest.raises(TargetError, match="leave one of them out"):
        deployment.find_sensitivity((x, np.arange(len(x)) % 2), 2, tiles=True, finest="neurons")
    with pytest.raises(TargetError, match="there are no parts 'weights'; choose one of: layers, tiles"):
        deployment.find_sensitivity((x, np.arange(len(x)) % 2), 2, finest="weights")
    by_row = document(*words, "--sensitivity", "neurons")["sensitivity"]
    assert [each["neuron"] for each in by_row["neurons"]] == [
        neuron for node in deployment.mapped.network.linear for neuron in range(node.neurons)
    ]
    assert by_row["layers"] == told["layers"] and by_row["tiles"] == []
    assert document(*words, "--sensitivity", "layers")["sensitivity"]["tiles"] == []
    assert edgebnn(*words[:4], "--chips", 0, "--sensitivity", "layers").exit_code == 2
    assert "no labels" in refused("emulate", folder, "--data", windows / "x.npy", "--sensitivity", "layers")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--sweep-ber", "1e-3", "--ber", 0.1), "leave out --ber"),
        (("--sweep-ber", "1e-3", "--errors", "device"), "follow from policy"),
        (("--sweep-ber", "1e-3", "--kinds", "read"), "of which --kinds read has none"),
        (("--sweep-ber", "0.1..0.01"), "does not rise"),
        (("--sweep-ber", "0"), "is no error rate"),
        (("--sweep-ber", "1e-400..1"), "is no error rate"),
        (("--sweep-ber", "nan"), "is no error rate"),
        (("--sweep-ber", ",".join(f"{i}e-3" for i in range(1, 102))), "101 error rates are too many"),
        (("--sweep-ber", "1e-3", "--chips", 0), "ask for some"),
        (("--png", "curve.png"), "--sweep-ber"),
        (("--sweep-ber", "1e-3", "--png", "curve.pdf"), "does not end in .png or .svg"),
    ],
)
def test_sweeps_that_would_do_nothing_are_wrong_usage(
    folder: Path, windows: Path, words: tuple[object, ...], sentence: str
) -> None:
    result = edgebnn("emulate", folder, "--data", windows / "data.npz", *words)
    assert result.exit_code == 2 and sentence in " ".join(result.stderr.replace("│", " ").split()), result.output


def test_what_is_wrong_with_calibration_data_names_their_file(tmp_path: Path) -> None:
    path = tmp_path / "beats.npy"
    np.save(path, np.zeros((3, 7), np.int8))
    for words in (("compile", "-o", tmp_path / "out"), ("inspect",), ("estimate",)):
        said = refused(words[0], ECG_PVC, *words[1:], "--calibration", path)
        assert "beats.npy" in said and "(3, 7)" in said
    assert not (tmp_path / "out").exists()
