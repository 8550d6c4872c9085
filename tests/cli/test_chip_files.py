"""Chips from files in `edgebnn emulate`, and `edgebnn chip export`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import edgebnn
from edgebnn.chip.banks.geometry import SINGLE, cell_number
from edgebnn.chip.banks.pattern import Pattern
from edgebnn.chip.errors.device_model import programmed_ln_resistance
from edgebnn.chip.errors.programming import program
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.measured.cells import HIGHEST_OHM, Measured
from edgebnn.chip.measured.files import read_measured
from edgebnn.chip.study.chip_comparison import uniform_pattern
from edgebnn.chip.study.resistance_export import resistance_csv
from edgebnn.chip.target_files.loading import load_target
from edgebnn.cli.main import group
from edgebnn.errors import TargetError
from edgebnn.mapping.programmed import pattern_of
from edgebnn.models import ECG_PVC

TARGET = load_target("rram130")


def invoke(*words: object) -> Result:
    return CliRunner().invoke(group, [*map(str, words)], env={"COLUMNS": "80"})


def document(*words: object) -> dict[str, Any]:
    result = invoke(*words, "--json")
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def refused(code: int, *words: object) -> str:
    result = invoke(*words)
    assert result.exit_code == code, result.output
    assert result.stdout == "" and "Traceback" not in result.output
    return " ".join(result.stderr.split())


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files") / "out"
    edgebnn.compile(ECG_PVC, policy="low-energy").save(folder)
    x = np.random.default_rng(0).integers(-128, 128, size=(8, 4, 120)).astype(np.int8)
    np.save(folder / "x.npy", x)
    return folder


def emulated(folder: Path) -> tuple[object, ...]:
    return "emulate", folder, "--data", folder / "x.npy", "--firmware-samples", 0


def test_emulate_takes_the_chips_of_files(deployment: Path, tmp_path: Path) -> None:
    drawn = document(*emulated(deployment), "--errors", "device", "--chips", 2, "--seed", 4)
    for seed in (4, 5):
        document("chip", "new", "--seed", seed, "--errors", "device", "-o", tmp_path / f"{seed}.json")
    files = [tmp_path / "4.json", tmp_path / "5.json"]
    found = document(*emulated(deployment), "--chip", files[0], "--chip", files[1])
    assert [chip.pop("file") for chip in found["chips"]] == list(map(str, files))
    assert found == drawn and drawn["chips"][0]["wrong_bits"] > 0


def test_emulate_says_how_many_weights_a_read_finds_wrong(deployment: Path) -> None:
    """Neighbour errors come anew in every inference: no weight is wrong for good, and 4 % are wrong in each."""
    words = (*emulated(deployment), "--errors", "neighbour", "--ber", 0.04, "--chips", 2)
    found = document(*words)
    assert [chip["wrong_bits"] for chip in found["chips"]] == [0, 0]
    assert [chip["misread_share"] for chip in found["chips"]] == pytest.approx([0.04, 0.04])
    assert found["over_chips"]["misread_share"]["mean"] == pytest.approx(0.04)


def test_emulate_takes_a_measured_chip_beside_a_drawn_one_and_says_so(deployment: Path, tmp_path: Path) -> None:
    export = ("chip", "export", "--deployment", deployment, "--chip", 4, "-o", tmp_path / "lab.csv")
    document(*export)
    document("chip", "import", tmp_path / "lab.csv", "--seed", 4, "-o", tmp_path / "lab.npz")
    document("chip", "new", "--seed", 4, "--errors", "device", "-o", tmp_path / "drawn.json")
    found = document(*emulated(deployment), "--chip", tmp_path / "lab.npz", "--chip", tmp_path / "drawn.json")
    measured, drawn = found["chips"]
    assert measured["wrong_bits"] == drawn["wrong_bits"] > 0 and measured["changed"] == drawn["changed"]
    assert found["conditions"]["measured"] == "lab.csv"
    assert any("differ in more than their seeds" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("--chip {a} --chips 1", 2, "--chips is about drawn chips, and a file of --chip brings its own"),
        ("--chip {a} --seed 0", 2, "--seed is about drawn chips"),
        ("--chip {a} --vdd 0.9", 2, "--vdd is about drawn chips"),
        ("--chip {a} --chip {again}", 2, "again.json' holds the same chip as"),
        ("--chip {a}.none", 2, "does not exist"),
        ("--chip {deployment}/x.npy", 1, "is not a chip file"),
    ],
)
def test_emulate_refuses_files_that_bring_no_chip_of_their_own(
    deployment: Path, tmp_path: Path, words: str, code: int, said: str
) -> None:
    places = {"a": tmp_path / "a.json", "again": tmp_path / "again.json", "deployment": deployment}
    for name in ("a", "again"):
        ChipInstance(1).save(places[name])
    assert said in refused(code, *emulated(deployment), *words.format(**places).split())


@pytest.mark.parametrize("command", ["run", "emulate"])
def test_a_chip_of_another_target_is_refused(deployment: Path, tmp_path: Path, command: str) -> None:
    text = json.loads(_new(tmp_path / "a.json").read_text())
    text["target"] = {"name": "ours", "sha256": "ab" * 32}
    (tmp_path / "a.json").write_text(json.dumps(text))
    data = "--input" if command == "run" else "--data"
    said = refused(1, command, deployment, data, deployment / "x.npy", "--chip", tmp_path / "a.json")
    assert "the chip was made for target 'ours' (sha256 abababababababab), whose file differs" in said


def _new(path: Path) -> Path:
    document("chip", "new", "--seed", 1, "-o", path)
    return path


def imported(path: Path, lab: Path, chip: ChipInstance) -> ChipInstance:
    words = ("--policy", chip.policy, "--seed", chip.seed)
    document("chip", "import", lab, *words, "-o", path)
    return ChipInstance.load(path)


def same_devices(chip: ChipInstance, again: ChipInstance, pattern: Pattern) -> None:
    """ln R of every device of a weight other than 0, to the bit."""
    (rows,) = pattern.blocks(pattern.kind.size)
    held = rows.values != 0
    found = [programmed_ln_resistance(each, TARGET, chip.policy or "strong", rows)[held] for each in (chip, again)]
    assert np.array_equal(*found) and len(found[0])


def test_what_is_exported_is_imported_as_the_same_devices(tmp_path: Path) -> None:
    lab = tmp_path / "lab.csv"
    words = ("--chip", 9, "--policy", "ultra-low-energy", "--banks", 5, "-o", lab)
    found = document("chip", "export", *words)
    assert (found["cells"], found["zeros_left_out"], found["banks"]) == (5 * 1024, 0, 5)
    chip = ChipInstance(9, errors=ErrorModel.DEVICE, policy="ultra-low-energy")
    again, pattern = imported(tmp_path / "lab.npz", lab, chip), uniform_pattern(1, 5, SINGLE)
    assert again.measured is not None and len(again.measured.cell) == 5 * 1024
    same_devices(chip, again, pattern)
    wrong = [program(each, TARGET, pattern, "strong").sign for each in (chip, again)]
    assert np.array_equal(*wrong) and (wrong[0] != np.uint32(0xFFFFFFFF)).any()
    shown = invoke("chip", "export", *words)
    assert shown.exit_code == 0 and max(map(len, shown.stdout.splitlines())) <= 80
    assert "5,120 in the first 5 banks" in shown.stdout


def test_a_deployments_weights_are_exported_but_for_zeros(deployment: Path, tmp_path: Path) -> None:
    lab, pattern = tmp_path / "lab.csv", pattern_of(edgebnn.load(deployment).mapped)
    found = document("chip", "export", "--deployment", deployment, "--chip", 9, "-o", lab)
    (rows,) = pattern.blocks(pattern.kind.size)
    assert found["cells"] == np.count_nonzero(rows.values)
    assert found["zeros_left_out"] == rows.values.size - found["cells"]
    assert found["chip"]["policy"] == "low-energy"
    weight = np.loadtxt(lab, delimiter=",", skiprows=1, usecols=5)
    assert np.array_equal(weight, rows.values[rows.values != 0]) and {*weight.tolist()} == {-1, 1}
    chip = ChipInstance(9, errors=ErrorModel.DEVICE, policy="low-energy")
    same_devices(chip, imported(tmp_path / "lab.npz", lab, chip), pattern)


def test_zeros_are_left_out_and_counted(tmp_path: Path) -> None:
    whole = uniform_pattern(-1, 2, SINGLE)
    nonzero = np.full((2, 32), 0x0000FFFF, np.uint32)
    pattern = Pattern(SINGLE, whole.sign, nonzero, np.full((2, 32), 2, np.uint8), np.full((2, 32), 0.5))
    chip = ChipInstance(3, errors=ErrorModel.DEVICE, policy="nominal")
    lab = tmp_path / "lab.csv"
    lab.write_bytes(b"".join(resistance_csv(chip, TARGET, "strong", pattern)))
    measured = read_measured(lab).measured
    assert len(measured.cell) == 2 * 32 * 16 and (measured.cell % 32).max() == 15
    same_devices(chip, ChipInstance(3, errors=ErrorModel.DEVICE, policy="nominal", measured=measured), pattern)


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_saved_chip_is_exported_as_it_was_programmed(tmp_path: Path, attempts: int) -> None:
    chip = ChipInstance(2, errors=ErrorModel.DEVICE, policy="ultra-low-energy", attempts=attempts)
    chip.save(tmp_path / "chip.json", TARGET)
    document("chip", "export", "--chip", tmp_path / "chip.json", "--banks", 2, "-o", tmp_path / "lab.csv")
    same_devices(chip, imported(tmp_path / "lab.npz", tmp_path / "lab.csv", chip), uniform_pattern(1, 2, SINGLE))


def measured_chip(ln_low: float, ln_high: float) -> ChipInstance:
    values = np.array([[ln_low, ln_high]], np.float32)
    measured = Measured(cell_number([0], [1], [5]), None, values, "lab.csv", "ab" * 32)
    return ChipInstance(1, errors=ErrorModel.DEVICE, measured=measured)


def test_the_bounds_of_a_measurement_come_back(tmp_path: Path) -> None:
    lab, chip = tmp_path / "lab.csv", measured_chip(0.0, np.log(HIGHEST_OHM))
    lab.write_bytes(b"".join(resistance_csv(chip, TARGET, "strong", uniform_pattern(1, 1, SINGLE))))
    again, before = read_measured(lab).measured.ln_resistance, chip.measured
    assert again is not None and before is not None and before.ln_resistance is not None
    assert np.array_equal(again[37], before.ln_resistance[0])


def test_one_device_of_a_cell_beyond_a_measurement_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgebnn.chip.study.resistance_export.HIGHEST_OHM", 1e12)
    chip = measured_chip(0.0, np.log(1e13))
    with pytest.raises(TargetError, match="bank 0, row 1, column 5 has a device beyond"):
        list(resistance_csv(chip, TARGET, "strong", uniform_pattern(1, 1, SINGLE)))


def test_a_device_beyond_a_measurement_is_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgebnn.chip.study.resistance_export.HIGHEST_OHM", 1000.0)
    said = refused(1, "chip", "export", "--chip", 1, "--banks", 1, "-o", tmp_path / "a.csv")
    assert "bank 0, row 0, column 0 has a device beyond 1 to 1000 ohm" in said and not list(tmp_path.iterdir())
    with pytest.raises(TargetError):
        list(resistance_csv(measured_chip(1, 2), TARGET, "strong", uniform_pattern(1, 1, SINGLE)))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("--banks 1", 2, "Missing option '--chip'"),
        ("--chip 1 --banks 0", 2, "--banks"),
        ("--chip 1 --banks 4097", 1, "target 'rram130' has 4096 banks, not 4097; give --banks 1 to 4096"),
        ("--chip 1 --deployment {deployment} --banks 4096", 1, "banks, not 4096; give --banks 1 to"),
        ("--chip 1 --deployment {deployment} --target rram130", 2, "a deployment brings its own target"),
        ("--chip 1 --deployment {cortex}", 1, "has no RRAM"),
        ("--chip 1 --target cortex-m4", 1, "'cortex-m4' has no RRAM"),
        ("--chip 1 --errors ber", 2, "a chip of --errors ber has no resistances"),
        ("--chip 1 --ber 0.1", 2, "--ber goes with"),
        ("--chip 1 --vdd 0.1", 1, "not at 0.1 V"),
        ("--chip {ber}", 1, "is of --errors ber and has no resistances"),
        ("--chip {ber} --vdd 0.9", 2, "brings its own errors, policy and conditions; leave out --vdd"),
    ],
)
def test_an_export_that_cannot_be_is_refused(
    deployment: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, words: str, code: int, said: str
) -> None:
    elsewhere = tmp_path_factory.mktemp("chips")
    ChipInstance(1).save(elsewhere / "ber.json")
    places = {"deployment": deployment, "ber": elsewhere / "ber.json", "cortex": elsewhere / "cortex"}
    if "{cortex}" in words:
        edgebnn.compile(ECG_PVC, "cortex-m4").save(places["cortex"])
    assert said in refused(code, "chip", "export", *words.format(**places).split(), "-o", tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())
    assert "end it in .csv" in refused(2, "chip", "export", "--chip", 1, "-o", tmp_path / "a.parquet")
