"""`edgebnn trim`: a deployment for one chip, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import edgebnn
from edgebnn.emulator.made_for import on_other_chips
from edgebnn.errors import DeploymentError, TargetError
from tests.cli.test_models import document
from tests.cli.test_models import edgebnn as command
from tests.frontend.onnx_models import Model, signs


def two_layers() -> Model:
    """24 integers, 40 signs, 5 scores."""
    model = Model((24,))
    model.add("MatMul", signs(1, 24, 40))
    model.sign(at_least=True)
    model.add("MatMul", signs(2, 40, 5))
    return model


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A deployment folder and samples for it."""
    folder = tmp_path_factory.mktemp("trim")
    model = two_layers().save(folder)
    result = command("compile", model, "--input-type", "uint8", "--policy", "ultra-low-energy", "-o", folder / "out")
    assert result.exit_code == 0, result.output
    x = np.random.default_rng(1).integers(0, 256, (40, 24)).astype(np.uint8)
    np.savez(folder / "data.npz", x=x, y=np.zeros(40, np.int64))
    return folder / "out", folder / "data.npz"


def test_a_trimmed_deployment_is_one_like_any_other(compiled: tuple[Path, Path], tmp_path: Path) -> None:
    folder, data = compiled
    chip = ("--chip", 3, "--errors", "table")
    told = document("trim", folder, *chip, "--calibration", data, "-o", tmp_path / "own")
    assert told["trim"]["samples"] == 40 and told["chip"]["seed"] == 3 and told["chip"]["errors"] == "table"
    deployment, x = edgebnn.load(folder), np.load(data)["x"]
    at = deployment.chip(3, errors="table")
    clean, before = (deployment.run(x, chip=chip_of).argmax(axis=1) for chip_of in (None, at))
    assert told["trim"]["same_before"] == (clean == before).sum() < 40
    after = edgebnn.load(tmp_path / "own").run(x, chip=at).argmax(axis=1)
    assert told["trim"]["same_after"] == (clean == after).sum()
    assert set(told["trim"]["layers"]) <= {node.name for node in deployment.mapped.network.nodes}
    trimmed = edgebnn.load(tmp_path / "own")
    assert trimmed.mapped.network.trimmed_for == "chip 3 (errors table, policy ultra-low-energy)"
    assert (
        "trim: chip 3 (errors table"
        in json.loads((tmp_path / "own/deployment.json").read_text())["provenance"]["options"]
    )
    run = document("run", tmp_path / "own", "--input", data, *chip)
    assert any(note.startswith("the thresholds are trimmed for chip 3") for note in run["notes"])
    emulated = document("emulate", tmp_path / "own", "--data", data, "--chips", 1, "--seed", 3, "--errors", "table")
    assert emulated["executors_agree"] is True
    (note,) = (note for note in emulated["notes"] if "from which the drop counts" in note)
    assert "before it was trimmed" in note


def test_trimming_what_every_boot_programs_anew_says_so(compiled: tuple[Path, Path], tmp_path: Path) -> None:
    _, data = compiled
    model = two_layers().save(tmp_path)
    words = ("compile", model, "--input-type", "uint8", "--policy", "ultra-low-energy", "--provisioning", "boot")
    assert command(*words, "-o", tmp_path / "boot").exit_code == 0
    words = ("trim", tmp_path / "boot", "--chip", 3, "--errors", "table", "--calibration", data, "-o", tmp_path / "own")
    assert any("each programming reads other weights wrong" in note for note in document(*words)["notes"])


def test_trimming_that_gains_nothing_says_so(compiled: tuple[Path, Path], tmp_path: Path) -> None:
    """As on a chip without errors."""
    folder, data = compiled
    words = ("trim", folder, "--chip", 3, "--ber", "0", "--calibration", data)
    (note,) = document(*words, "-o", tmp_path / "same")["notes"]
    assert note.startswith("trimming gained nothing here: 40 of 40 samples have the class") and "as before" in note
    assert note in " ".join(command(*words, "-o", tmp_path / "same").stdout.split())


def test_the_command_and_python_do_the_same(compiled: tuple[Path, Path], tmp_path: Path) -> None:
    folder, data = compiled
    document("trim", folder, "--chip", 5, "--calibration", data, "-o", tmp_path / "own")
    x = np.load(data)["x"]
    ours = edgebnn.load(folder).trim(5, x)
    theirs = edgebnn.load(tmp_path / "own")
    assert np.array_equal(ours.run(x, chip=5, integers=True), theirs.run(x, chip=5, integers=True))
    assert ours.elf == theirs.elf
    with pytest.raises(TargetError, match="trim the one that it was made from"):
        ours.trim(6, x)


def test_what_is_refused(compiled: tuple[Path, Path], tmp_path: Path) -> None:
    folder, data = compiled
    words = ("trim", folder, "--chip", 1, "--calibration")
    result = command(*words, data, "-o", folder)
    assert result.exit_code == 1 and "the command reads it as DIR" in result.stderr
    np.save(tmp_path / "none.npy", np.load(data)["x"][:0])
    result = command(*words, tmp_path / "none.npy", "-o", tmp_path / "own")
    assert result.exit_code == 1 and "hold no sample" in result.stderr and not (tmp_path / "own").exists()
    model = two_layers().save(tmp_path)
    assert command("compile", model, "--target", "host", "--input-type", "uint8", "-o", tmp_path / "pc").exit_code == 0
    result = command("trim", tmp_path / "pc", "--chip", 1, "--calibration", data, "-o", tmp_path / "own")
    assert result.exit_code == 1 and "has no RRAM" in result.stderr


def test_a_network_is_placed_by_errors(compiled: tuple[Path, Path], tmp_path: Path) -> None:
    folder, data = compiled
    model = two_layers().save(tmp_path)
    words = ("compile", model, "--input-type", "uint8", "--policy", "ultra-low-energy", "--calibration", data)
    told = document(*words, "--placement", "ber-aware", "--chip", 3, "--readings", 1, "-o", tmp_path / "placed")
    assert told["programming_energy_uj"] == told["programming_energy_cheapest_uj"]
    assert told["programming_energy_strongest_uj"] == pytest.approx(30 * told["programming_energy_uj"])
    assert told["strongest_policy"] == "strong" and told["cheapest_policy"] == "ultra-low-energy"
    assert told["placement"]["kind"] == "ber-aware" and told["placement"]["harm"] < 0.8
    assert told["placement"]["chip"] == "chip 3 (errors table, policy ultra-low-energy)"
    shown = command(*words, "--placement", "ber-aware", "-o", tmp_path / "all")
    assert "what all chips of the target have in common" in " ".join(shown.stdout.split())
    assert "100.0% of the expected harm is left" in " ".join(shown.stdout.split())
    assert "all strong" in shown.stdout and "programming once" in shown.stdout
    assert "known of one that --chip names alone" in " ".join(shown.stdout.split())
    chance = command(*words, "--placement", "ber-aware", "--chip", 3, "--errors", "ber", "-o", tmp_path / "chance")
    assert "errors do not go by place here: nothing is gained" in " ".join(chance.stdout.split())
    assert told["placement"]["errors_by_place"] is True
    placed, linear, x = edgebnn.load(tmp_path / "placed"), edgebnn.load(folder), np.load(data)["x"]
    assert placed.mapped.allocation.banks is not None
    for on in ("fast", "firmware"):
        assert np.array_equal(placed.run(x, on=on, integers=True), linear.run(x, integers=True))
    listed = json.loads((tmp_path / "placed/placement.json").read_text())["layers"]
    assert [bank for layer in listed.values() for bank in layer["banks"]] == list(placed.mapped.allocation.banks)
    assert "placed for chip 3 (errors table" in placed.mapped.provenance.options
    again = ("emulate", tmp_path / "placed", "--data", data, "--firmware-samples", 0)
    for chips, said in (
        (("--chips", 1, "--seed", 3, "--errors", "table", "--cycles", 10), None),
        (("--chips", 2, "--seed", 3, "--errors", "table"), "1 of these 2 chips are not it, on which"),
        (("--chips", 1, "--seed", 3), "this chip is another one, on which"),
    ):
        notes = [note for note in document(*again, *chips)["notes"] if "are placed for chip 3 with errors" in note]
        assert [said in note for note in notes] == ([] if said is None else [True])
    at = placed.chip(4, errors="table")
    assert any("this chip is another one" in note for note in placed.emulate(x, [at], firmware_samples=0).notes)
    unlike = document("trim", tmp_path / "placed", "--chip", 4, "--errors", "table", "--calibration", data,
                      "-o", tmp_path / "four")  # fmt: skip
    assert any("(--seed 3 --errors table): this chip is another one" in note for note in unlike["notes"])
    damaged = placed.files | {"placement.json": b'{"placed_for": [1]}'}
    with pytest.raises(DeploymentError, match=r"'placement\.json' in the deployment is damaged"):
        on_other_chips(damaged, [])
    trimmed = placed.trim(3, x)
    assert trimmed.mapped.allocation == placed.mapped.allocation and "placement.json" in trimmed.files


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--placement", "ber-aware"), "give calibration samples"),
        (("--chip", "3"), "goes with the placement ber-aware"),
        (("--chip", "9" * 5000), "is out of range"),
        (("--readings", "8"), "--readings goes with --chip"),
    ],
)
def test_placements_that_are_refused(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    result = command("compile", two_layers().save(tmp_path), "--input-type", "uint8", "-o", tmp_path / "out", *words)
    assert result.exit_code in (1, 2) and said in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()
