"""The command line on models of other dialects: real inputs, float networks, endings, and what onnxruntime lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edgebnn.cli.main import group
from edgebnn.models import ECG_PVC
from tests.frontend.onnx_models import Model, dense
from tests.frontend.seeds import channels_last, multi_bit, quantised, subgraphs


def edgebnn(*words: object) -> Result:
    return CliRunner().invoke(group, [str(word) for word in words])


def document(*words: object) -> dict[str, Any]:
    result = edgebnn(*words, "--json")
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def compiled(model: Model, folder: Path, *options: object) -> tuple[Path, Path]:
    """The model's file and the folder of its deployment for the PC."""
    path = model.save(folder)
    result = edgebnn("compile", path, "--target", "host", "-o", folder / "out", *options)
    assert result.exit_code == 0, result.output
    return path, folder / "out"


@pytest.mark.parametrize("command", ["compile", "inspect", "estimate"])
def test_commands_that_read_a_model_take_a_scale(command: str, tmp_path: Path) -> None:
    path = dense().save(tmp_path)
    options = ("-o", tmp_path / "out") if command == "compile" else ()
    words = (command, path, "--target", "host", "--input-type", "uint8", *options)
    assert edgebnn(*words, "--input-scale", "1/255").exit_code == 0
    refused = edgebnn(*words, "--input-scale", "none")
    assert refused.exit_code == 1 and "write it as 1/255 or 0.005" in refused.stderr


def test_a_scale_stands_in_the_inspection_and_in_the_deployment(tmp_path: Path) -> None:
    path, folder = compiled(dense(), tmp_path, "--input-type", "uint8", "--input-scale", "0.5")
    found = document("inspect", path, "--input-type", "uint8", "--input-scale", "0.5")
    assert found["input"]["scale"] == 0.5
    assert "--input-scale 1/2" in (folder / "deployment.json").read_text()


@pytest.mark.parametrize("offset", ["none", "1/0", "inf", ""])
def test_an_offset_that_is_no_number(offset: str, tmp_path: Path) -> None:
    result = edgebnn("inspect", dense().save(tmp_path), "--input-type", "uint8", "--input-offset", offset)
    assert result.exit_code == 1 and "write it as -1 or -0.5" in result.stderr


def test_an_offset_goes_from_the_command_line_into_what_is_run(tmp_path: Path) -> None:
    words = ("--input-type", "uint8", "--input-scale", "2/255", "--input-offset", "-1")
    path, folder = compiled(dense(), tmp_path, *words)
    assert document("inspect", path, *words)["input"]["offset"] == -1
    assert "--input-offset -1" in (folder / "deployment.json").read_text()
    assert "in the model's own input, 0 for -1" in (folder / "firmware/include/model.h").read_text()
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    said = []
    for name, samples in (("bytes", pixels), ("reals", (pixels / np.float32(127.5) - 1).astype(np.float32))):
        np.save(tmp_path / f"{name}.npy", samples)
        said.append(
            document("run", folder, "--input", tmp_path / f"{name}.npy", "--output", tmp_path / f"{name}.out.npy")
        )
    assert np.array_equal(np.load(tmp_path / "bytes.out.npy"), np.load(tmp_path / "reals.out.npy"))
    assert (
        "the data for input 'x' are uint8, taken as the sensor's integers times 0.00784314 plus -1"
        in said[0]["notes"][0]
    )
    assert not any("the data are" in note for note in said[1]["notes"])


def test_compile_says_what_data_it_will_take_and_run_how_to_compile_again(tmp_path: Path) -> None:
    path = dense().save(tmp_path)
    result = edgebnn("compile", path, "--target", "host", "-o", tmp_path / "out")
    assert "integers from -32768 to 32767; fractions are refused" in " ".join(result.stdout.split())
    np.save(tmp_path / "x.npy", np.full((2, 8), 0.25, np.float32))
    refused = edgebnn("run", tmp_path / "out", "--input", tmp_path / "x.npy")
    assert refused.exit_code == 1
    assert "x[0, 0] is 0.25, 0.25 of a step from 0" in refused.stderr and "compile again with" in refused.stderr


def test_integers_for_a_model_of_real_numbers_draw_a_note(tmp_path: Path) -> None:
    _, folder = compiled(quantised(), tmp_path)
    np.save(tmp_path / "x.npy", np.full((3, 2, 8), 200, np.uint8))
    result = edgebnn("run", folder, "--input", tmp_path / "x.npy")
    assert "the data are uint8, but input 'x' takes real numbers" in " ".join(result.stdout.split())
    assert "UserWarning" not in result.stderr
    found = document("emulate", folder, "--data", tmp_path / "x.npy")
    assert any("takes real numbers" in note for note in found["notes"])


def test_an_input_type_beside_calibration_data_is_one_too_many(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 4, 120), np.int8))
    for command in ("compile", "inspect", "estimate"):
        options = ("-o", tmp_path / "out") if command == "compile" else ()
        words = (command, ECG_PVC, "--input-type", "int8", "--calibration", tmp_path / "x.npz", *options)
        result = edgebnn(*words)
        assert result.exit_code == 1 and "both say what the input holds" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_calibration_data_make_float_layers_int8(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    model = Model((8,))
    model.add("MatMul", rng.normal(size=(8, 6)))
    model.add("Relu")
    model.add("MatMul", rng.normal(size=(6, 3)))
    path, data = model.save(tmp_path), tmp_path / f"x.{kind}"
    x = rng.normal(size=(60, 8)).astype(np.float32)
    np.save(data, x) if kind == "npy" else np.savez(data, x=x)
    refused = edgebnn("inspect", path)
    assert refused.exit_code == 1 and "2 layers have float weights" in refused.stdout
    refused = edgebnn("compile", path, "-o", tmp_path / "out")
    assert refused.exit_code == 1 and "--calibration data.npz" in refused.stderr
    found = document("inspect", path, "--calibration", data)
    assert [layer["weights"] for layer in found["layers"] if layer["weights"]] == ["int8", "int8"]
    assert found["quantised"] == ["x", "node_matmul_0", "node_matmul_2", "relu_1"]
    _, folder = compiled(model, tmp_path, "--calibration", data)
    emulated = document("emulate", folder, "--data", data, "--model", path)
    assert "onnxruntime-fast" not in emulated["agreement"] and emulated["executors_agree"]
    assert emulated["onnxruntime_same_class"]["compared"] == 60
    assert emulated["onnxruntime_same_class"]["equal"] > 50
    assert "same class as onnxruntime" in edgebnn("emulate", folder, "--data", data, "--model", path).stdout


def test_every_problem_stands_in_the_json_and_each_kind_once_on_the_terminal(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    model = Model((4, 4))
    for _ in range(60):
        model.add("Conv", rng.normal(size=(4, 4, 1)))
    path = model.save(tmp_path)
    result = edgebnn("inspect", path, "--json")
    assert result.exit_code == 1 and len(json.loads(result.stdout)["problems"]) == 60
    text = edgebnn("inspect", path).stdout
    assert text.count("neither binary nor ternary") == 1 and len(text.splitlines()) < 25


def test_samples_with_their_channels_last(tmp_path: Path) -> None:
    path, folder = compiled(channels_last(), tmp_path, "--input-type", "int8")
    x = np.random.default_rng(0).integers(-128, 128, (6, 6, 6, 2)).astype(np.int8)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "one.npy", x[0])
    np.save(tmp_path / "first.npy", np.moveaxis(x, -1, 1))
    many = document("run", folder, "--input", tmp_path / "x.npy")
    assert document("run", folder, "--input", tmp_path / "one.npy")["classes"] == many["classes"][:1]
    assert "(batch, 6, 6, 2)" in edgebnn("run", folder, "--input", tmp_path / "first.npy").stderr
    found = document("emulate", folder, "--data", tmp_path / "x.npy", "--model", path)
    assert found["agreement"]["onnxruntime-fast"] == {"compared": 6, "equal": 6}


def test_a_models_own_ending_is_said_to_be_left_out(tmp_path: Path) -> None:
    path, folder = compiled(subgraphs(), tmp_path, "--input-type", "int8")
    np.save(tmp_path / "x.npy", np.zeros((2, 10), np.int8))
    assert "the final Softmax" in " ".join(edgebnn("inspect", path, "--input-type", "int8").stdout.split())
    found = document("run", folder, "--input", tmp_path / "x.npy")
    assert found["ends_in"] == "classes" and any("the final Softmax" in note for note in found["notes"])
    assert "none is a probability" in " ".join(edgebnn("run", folder, "--input", tmp_path / "x.npy").stdout.split())


def test_what_onnxruntime_does_not_have_is_a_note(tmp_path: Path) -> None:
    path, folder = compiled(multi_bit(), tmp_path)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(5, 2, 4, 4)).astype(np.float32))
    found = document("emulate", folder, "--data", tmp_path / "x.npy", "--model", path)
    assert found["executors_agree"] and "onnxruntime-fast" not in found["agreement"]
    assert "no operators of qonnx.custom_op.general" in found["notes"][-1]
    assert "note: onnxruntime does not take" in edgebnn(
        "emulate", folder, "--data", tmp_path / "x.npy", "--model", path
    ).stdout.replace("\n", " ")
