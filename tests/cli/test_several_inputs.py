"""A model with two inputs from the command line and from Python: samples by the inputs' names, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import edgebnn
from edgebnn.errors import DataError
from tests.cli.test_models import document
from tests.cli.test_models import edgebnn as command
from tests.codegen.test_project import defines
from tests.frontend.several_inputs import wearable

TYPES = ("--input-type", "int12", "--input-type", "rr=uint8", "--input-scale", "rr=1/64")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model, its deployment for the PC, and samples."""
    folder = tmp_path_factory.mktemp("wearable")
    path = wearable().save(folder)
    made = command("compile", path, "--target", "host", "-o", folder / "out", *TYPES)
    assert made.exit_code == 0, made.output
    rng = np.random.default_rng(0)
    window = rng.integers(-2048, 2048, (20, 1, 30)).astype(np.float32)
    intervals = (rng.integers(0, 256, (20, 4)) / 64).astype(np.float32)
    np.savez(folder / "data.npz", window=window, rr=intervals, labels=rng.integers(0, 3, 20))
    np.savez(folder / "misnamed.npz", window=window, RR=intervals)
    np.savez(folder / "fewer.npz", window=window, rr=intervals[:9])
    np.save(folder / "one.npy", window)
    return folder


def test_every_executor_gives_the_models_answers(home: Path) -> None:
    words = ("--data", home / "data.npz", "--model", home / "model.onnx", "--trust")
    found = document("emulate", home / "out", *words)
    assert found["executors_agree"] and found["accuracy"] is not None
    assert {pair: each["compared"] for pair, each in found["agreement"].items()} == dict.fromkeys(
        ("reference-fast", "reference-firmware", "fast-firmware", "onnxruntime-fast"), 20
    )


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("misnamed.npz", "no array 'rr' (there is: RR, window), but the model has 2 inputs"),
        ("fewer.npz", "20 of 'window', 9 of 'rr'"),
        (
            "one.npy",
            "the data are one array, but the model has 2 inputs: 'window' of the shape (batch, 1, 30), 'rr' of",
        ),
    ],
)
def test_data_that_are_not_those_of_both_inputs(home: Path, file: str, said: str) -> None:
    for words in (("run", "--input"), ("emulate", "--data")):
        refused = command(words[0], home / "out", words[1], home / file)
        assert refused.exit_code == 1 and file in refused.stderr and said in " ".join(refused.stderr.split())


def test_python_takes_samples_by_name(home: Path) -> None:
    deployment = edgebnn.load(home / "out")
    with np.load(home / "data.npz") as data:
        samples = {"window": data["window"], "rr": data["rr"]}
    scores = deployment.run(samples)
    assert np.array_equal(scores, deployment.run(samples | {"rr": (samples["rr"] * 64).astype(np.uint8)}))
    one = {name: values[3] for name, values in samples.items()}
    assert np.array_equal(deployment.run(one, on="reference"), scores[3:4])
    for wrong in (samples["window"], {"window": samples["window"]}, samples | {"rr": ["a"]}):
        with pytest.raises(DataError):
            deployment.run(wrong)
    words = {"input_type": {"window": "int12", "rr": "uint8"}, "input_scale": {"rr": "1/64"}}
    network = edgebnn.inspect(home / "model.onnx", **words).network
    assert network is not None
    assert [each.tensor for each in network.inputs] == [each.tensor for each in deployment.mapped.network.inputs]


def test_the_header_and_the_map_say_where_each_input_lies(home: Path) -> None:
    header = (home / "out" / "firmware" / "include" / "model.h").read_text()
    found = defines(header.encode())
    assert (found["MODEL_INPUT0_WINDOW_OFFSET"], found["MODEL_INPUT0_WINDOW_TYPE"]) == ("0", "int16_t")
    assert (found["MODEL_INPUT1_RR_OFFSET"], found["MODEL_INPUT1_RR_TYPE"]) == ("60", "uint8_t")
    assert found["MODEL_INPUT_BYTES"] == "64" and found["MODEL_INPUT1_RR_NAME"] == '"rr"'
    assert "One unit stands for 0.015625 in the model's own input" in header
    inputs = json.loads((home / "out" / "memory_map.json").read_text())["inputs"]
    assert [(each["name"], each["offset"], each["bytes"]) for each in inputs] == [("window", 0, 60), ("rr", 60, 4)]


def test_the_inspection_shows_both(home: Path) -> None:
    found = document("inspect", home / "model.onnx", *TYPES)
    assert found["input"] is None
    assert [(each["name"], each["low"], each["high"], each["scale"]) for each in found["inputs"]] == [
        ("window", -2048, 2047, 1.0),
        ("rr", 0, 255, 1 / 64),
    ]


def test_an_input_is_told_once(home: Path) -> None:
    refused = command("inspect", home / "model.onnx", *TYPES, "--input-scale", "rr=2")
    assert refused.exit_code == 2 and "--input-scale is given twice for input 'rr'" in refused.stderr
