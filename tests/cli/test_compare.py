"""`edgebnn compare`: the JSON that other tools rely on, exit codes for people's CI, and inputs that are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgebnn as package
from edgebnn.models import ECG_PVC
from tests.cli.test_commands import document, edgebnn, refused

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")

X = np.random.default_rng(3).integers(-128, 128, size=(20, 4, 120)).astype(np.int8)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two deployments, one of them twice, labelled data of which 19 of 20 are answered rightly, and an emulation."""
    root = tmp_path_factory.mktemp("compare")
    for name, target in (("chip", "rram130"), ("software", "cortex-m4")):
        package.compile(ECG_PVC, target).save(root / name)
    (root / "other").mkdir()
    shutil.copytree(root / "chip", root / "other" / "chip")
    y = package.load(root / "chip").run(X).argmax(axis=1)
    y[0] ^= 1
    np.savez(root / "data.npz", x=X, y=y)
    np.save(root / "x.npy", X)
    words = ("--data", root / "data.npz", "--firmware-samples", 2, "--chips")
    for name, chips in (("chip", 2), ("software", 0)):
        written = edgebnn("emulate", root / name, *words, chips, "--json", root / f"{name}.json")
        assert written.exit_code == 0, written.output
    return root


def usage(*words: object) -> str:
    """The sentence of a wrong usage: exit code 2."""
    result = edgebnn("compare", *words)
    assert result.exit_code == 2 and result.stdout == "", result.output
    return " ".join(result.stderr.split())


def test_deployments_stand_side_by_side(bench: Path) -> None:
    found = document("compare", bench / "chip", bench / "software")
    chip, software = found["deployments"]
    assert [each["target"] for each in found["deployments"]] == ["rram130", "cortex-m4"]
    assert chip["name"] == str(bench / "chip") and chip["model"] == "ecg_pvc"
    assert chip["weights_by_kind"] == {"binary": 36_992} and chip["inputs_outside"] == []
    figures, estimate = chip["figures"], document("estimate", bench / "chip")
    assert figures["energy_nj"] == estimate["energy_per_inference_nj"]["total"] and chip["counted_on"] == "zeros"
    assert figures["latency_us"] == pytest.approx(estimate["latency_per_inference_us"])
    assert figures["sram_bytes"] == estimate["memory"]["sram_bytes"]
    assert figures["flash_bytes"] == estimate["memory"]["code_bytes"] + estimate["memory"]["weights_bytes"]
    assert figures["programming_uj"] == estimate["programming_energy_uj"]
    assert software["figures"]["banks"] == 0 and software["figures"]["programming_uj"] is None
    assert found["budget"] is None and "energy_nj" in found["differences"]


def test_a_budget_that_is_broken_ends_with_1_and_one_that_is_kept_with_0(bench: Path) -> None:
    kept = edgebnn("compare", bench / "chip", "--budget", "energy=60nJ,flash=16KB,sram=2864B,banks=38")
    assert kept.exit_code == 0 and "BROKEN" not in kept.stdout
    result = edgebnn("compare", bench / "chip", bench / "software", "--budget", "energy=60nJ,flash=16KB", "--json")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"edgebnn: the budget is broken: the energy of '{bench / 'software'}' is ")
    assert result.stderr.rstrip().endswith("nJ, more than 60nJ")
    budget = json.loads(result.stdout)["budget"]
    assert not budget["kept"]
    energy, flash = budget["limits"]
    assert (energy["figure"], energy["field"], energy["limit"], energy["text"]) == ("energy", "energy_nj", 60, "60nJ")
    assert [each["kept"] for each in energy["deployments"]] == [True, False]
    assert flash["limit"] == 16_384 and all(each["kept"] for each in flash["deployments"])


def test_accuracy_comes_from_data_or_from_files_of_emulate(bench: Path) -> None:
    folders = (bench / "chip", bench / "software")
    data = ("--data", bench / "data.npz", "--firmware-samples", 2, "--chips", 2)
    files = ("--emulation", bench / "chip.json", "--emulation", bench / "software.json")
    ran, told = document("compare", *folders, *data), document("compare", *folders, *files)
    assert ran == told
    for each in ran["deployments"]:
        assert each["figures"]["accuracy"] == 0.95 and each["counted_on"] == "data"
        assert each["emulated"]["samples"] == 20 and each["emulated"]["executors_agree"] is True
    assert [each["emulated"]["chips"] for each in ran["deployments"]] == [2, 0]
    assert edgebnn("compare", *folders, *files, "--budget", "accuracy=0.95").exit_code == 0
    broken = edgebnn("compare", *folders, *files, "--budget", "accuracy=95.1%")
    assert broken.exit_code == 1 and "is 0.95, less than 95.1%; " in broken.stderr
    unlabelled = edgebnn("compare", bench / "chip", "--data", bench / "x.npy", "--budget", "accuracy=0.5")
    assert unlabelled.exit_code == 1 and "is not known, so nobody can hold it to 0.5" in unlabelled.stderr


def test_folders_of_one_name_and_one_folder_twice_are_told_apart(bench: Path) -> None:
    found = document("compare", bench / "chip", bench / "other" / "chip", bench / "chip")
    names = [each["name"] for each in found["deployments"]]
    assert names == [str(bench / "chip"), str(bench / "other" / "chip"), f"{bench / 'chip'} (2)"]
    assert found["differences"] == []


def test_names_of_models_and_folders_are_no_commands_of_the_terminal(bench: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(str(ECG_PVC))
    model.graph.name = "[red]\x1b[2J\u202e" + "x" * 200
    hostile = tmp_path / "\x1b]0;own\x07[bold]"
    package.compile(model, "cortex-m4").save(hostile)
    result = edgebnn("compare", hostile, bench / "chip", "--budget", "energy=1nJ")
    assert result.exit_code == 1
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout + result.stderr)
    assert "[bold]" in "".join(result.stdout.split()) and "Traceback" not in result.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Missing argument 'DIR...'"),
        (("absent",), "'absent' does not exist"),
        (("chip", "--budget", "colour=1"), "names 'colour', which is no figure; choose from: accuracy, energy"),
        (("chip", "--budget", "energy=60"), "not an energy in pJ, nJ, uJ, mJ or J"),
        (("chip", "--budget", "accuracy=0.9"), "needs labelled data: give --data FILE.npz, or --emulation"),
        (("chip", "--chips", "3"), "--chips goes with --data"),
        (("chip", "--firmware-samples", "3"), "--firmware-samples goes with --data"),
        (("chip", "--data", "data.npz", "--emulation", "chip.json"), "leave one out"),
        (("chip", "software", "--emulation", "chip.json"), "is given 1 times for 2 deployments; give one for each"),
    ],
)
def test_a_wrong_usage_is_said(bench: Path, words: tuple[str, ...], sentence: str) -> None:
    there = {path.name for path in bench.iterdir()}
    assert sentence in usage(*(bench / word if word in there else word for word in words))


def altered(bench: Path, **fields: Any) -> Path:
    path = bench / "altered.json"
    path.write_text(json.dumps({**json.loads((bench / "chip.json").read_text()), **fields}))
    return path


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model_sha256": "0" * 64}, "its model is 0000000000000000, not "),
        ({"target": "cortex-m4"}, "its target is cortex-m4, not rram130"),
        ({"policies": {"a\x1b": "strong"}}, "its policies is a? strong, not "),
        ({"accuracy": 1.5}, "is no JSON of edgebnn emulate"),
        ({"accuracy": "good"}, "is no JSON of edgebnn emulate"),
        ({"energy_per_inference_nj": {"cpu": 1.0}}, "has energies without their total"),
        ({"energy_per_inference_nj": {"total": -1.0}}, "is no JSON of edgebnn emulate"),
        ({"samples": 0}, "is no JSON of edgebnn emulate"),
    ],
)
def test_a_file_that_tells_of_something_else_is_refused(bench: Path, fields: dict[str, Any], sentence: str) -> None:
    assert sentence in refused("compare", bench / "chip", "--emulation", altered(bench, **fields))


def test_folders_and_files_that_are_none_are_named(bench: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "none.json").write_bytes(b"\xff[[[[")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    assert f"'{tmp_path / 'empty'}'" in refused("compare", bench / "chip", tmp_path / "empty")
    assert "data.npz" in refused("compare", bench / "data.npz")
    for name in ("none.json", "deep.json"):
        sentence = refused("compare", bench / "chip", "--emulation", tmp_path / name)
        assert f"'{tmp_path / name}' is no JSON of edgebnn emulate" in sentence
    np.save(tmp_path / "narrow.npy", X[:, :, :50])
    sentence = refused("compare", bench / "chip", "--data", tmp_path / "narrow.npy")
    assert "narrow.npy" in sentence and str(bench / "chip") in sentence
