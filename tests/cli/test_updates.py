"""`compile --update-of` and `chip reprogram --updates`: fewer pulses, the same scores, and banks that wear alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

import edgebnn
from edgebnn.errors import DeploymentError, TargetError
from tests.cli.test_errors_met import command, document, two_layers


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The deployment of version 1, and the model of version 2: its first layer's neurons in another order."""
    folder = tmp_path_factory.mktemp("versions")
    model = two_layers().save(folder)
    assert command("compile", model, "--input-type", "uint8", "-o", folder / "v1").exit_code == 0
    proto = onnx.load(model)
    for tensor in proto.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor).copy()
        if values.ndim == 2:
            values.flat[:: max(7, len(values))] *= -1
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(proto, folder / "v2.onnx")
    return folder / "v1", folder / "v2.onnx"


def test_an_update_takes_fewer_pulses_and_answers_alike(versions: tuple[Path, Path], tmp_path: Path) -> None:
    old, model = versions
    words = ("compile", model, "--input-type", "uint8")
    assert command(*words, "-o", tmp_path / "as-trained").exit_code == 0
    told = document(*words, "--update-of", old, "-o", tmp_path / "update")["placement"]
    assert told["kind"] == "update" and 0 < told["pulses"] <= told["pulses_as_trained"] < told["pulses_of_all"]
    found = document("chip", "reprogram", old, tmp_path / "update")
    assert found["changes_alone"]["set_pulses"] + found["changes_alone"]["reset_pulses"] == told["pulses"]
    assert found["updates"] is None
    plain, update = edgebnn.load(tmp_path / "as-trained"), edgebnn.load(tmp_path / "update")
    x = np.random.default_rng(0).integers(0, 256, (20, *plain.mapped.network.inputs[0].tensor.shape))
    for on in ("fast", "firmware"):
        assert np.array_equal(update.run(x, on=on, integers=True), plain.run(x, integers=True))
    shown = command(*words, "--update-of", old, "-o", tmp_path / "shown")
    assert "in its banks" in shown.stdout and f"{told['pulses']:,} pulses of" in " ".join(shown.stdout.split())
    python = edgebnn.compile(str(model), input_type="uint8", update_of=edgebnn.load(old))
    assert python.elf == update.elf


def test_an_update_under_another_policy_says_what_stays_as_it_was(versions: tuple[Path, Path], tmp_path: Path) -> None:
    """Devices that get no pulse are as the version before left them; fresh banks get pulses throughout."""
    old, model = versions
    words = ("compile", model, "--input-type", "uint8", "--update-of", old)

    def told(*more: str) -> list[str]:
        notes = document(*words, *more, "-o", tmp_path / "out")["notes"]
        return [note for note in notes if note.startswith("devices that stay in their state")]

    (before,) = edgebnn.load(old).mapped.policies
    (note,) = told("--policy", "ultra-low-energy")
    assert f"as '{before}' has programmed them" in note and "those of 'ultra-low-energy'" in note
    # the version after that still has them, unless it is programmed as they were
    third = ("compile", model, "--input-type", "uint8", "--update-of", tmp_path / "out", "-o", tmp_path / "third")
    assert any(f"as '{before}'" in text for text in document(*third, "--policy", "ultra-low-energy")["notes"])
    back = [text for text in document(*third, "--policy", before)["notes"] if text.startswith("devices that stay")]
    assert len(back) == 1 and "as 'ultra-low-energy' has" in back[0] and f"'{before}' has" not in back[0]
    assert told("--policy", before) == told("--policy", "ultra-low-energy", "--fresh-banks") == []


def test_fresh_banks_are_none_of_the_old_ones(versions: tuple[Path, Path], tmp_path: Path) -> None:
    old, model = versions
    words = ("compile", model, "--input-type", "uint8", "--update-of", old, "--fresh-banks", "-o", tmp_path / "out")
    told = document(*words)["placement"]
    assert told["kind"] == "fresh-banks" and told["pulses"] == told["pulses_of_all"]
    new = edgebnn.load(tmp_path / "out").mapped.allocation.banks
    assert new is not None and min(new) >= edgebnn.load(old).mapped.plan.bank_end


def test_planned_updates_are_shared_by_all_banks(versions: tuple[Path, Path]) -> None:
    old, _ = versions
    found = document("chip", "reprogram", old, old, "--policy", "strong", "--updates", 2_000_000)["updates"]
    banks = edgebnn.load(old).mapped.plan.banks
    assert found["places"] == 4095 // banks  # the last one is the marker's
    assert found["marker"] == {"cycles": 4_000_000, "endured": False, "worn": None}
    assert found["in_place"] == {"cycles": 2_000_000, "endured": False, "worn": None}
    assert found["going_round"]["cycles"] == -(-2_000_000 // found["places"])
    assert found["going_round"]["worn"]["bit_error_rate"] >= found["going_round"]["worn"]["fresh_bit_error_rate"]
    shown = command("chip", "reprogram", old, old, "--policy", "strong", "--updates", 2_000_000)
    assert shown.stdout.count("worn out before") == 2 and "the marker" in shown.stdout
    assert f"going round {found['places']:,} places" in shown.stdout


def test_what_does_not_go_together_is_refused(versions: tuple[Path, Path], tmp_path: Path) -> None:
    old, model = versions
    words = ("compile", model, "--input-type", "uint8", "-o", tmp_path / "out")
    np.save(tmp_path / "x.npy", np.zeros((3, 24), np.uint8))
    for more, said in (
        (("--fresh-banks",), "name it as what is updated"),
        (("--update-of", old, "--target", "cortex-m4"), "has no RRAM"),
        (("--update-of", tmp_path), "is no deployment folder"),
        (("--update-of", old, "--placement", "ber-aware", "--calibration", tmp_path / "x.npy"), "takes no placement"),
    ):
        result = command(*words, *more)
        assert result.exit_code == 1 and said in " ".join(result.stderr.split()), result.stderr
        assert not (tmp_path / "out").exists()
    with pytest.raises(TargetError, match=r"open its folder with edgebnn\.load"):
        edgebnn.compile(str(model), input_type="uint8", update_of=str(old))  # type: ignore[arg-type]


def test_a_damaged_placement_of_the_version_before_is_said(versions: tuple[Path, Path]) -> None:
    old, model = versions
    before = edgebnn.load(old)
    damaged = replace(before, files={**before.files, "placement.json": b'{"stays_as": [1]}'})
    with pytest.raises(DeploymentError, match=r"placement\.json of the version before is damaged"):
        edgebnn.compile(str(model), input_type="uint8", update_of=damaged)
