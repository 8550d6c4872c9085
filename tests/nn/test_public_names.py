"""`edgebnn.nn` as a user imports it: light until a name is used, and one sentence where PyTorch is missing."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgebnn.nn

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training.md"


def test_importing_it_loads_no_pytorch() -> None:
    program = "import edgebnn.nn, sys; assert 'BinaryLinear' in dir(edgebnn.nn); print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize("name", edgebnn.nn.__all__)
def test_every_name_is_there(name: str) -> None:
    pytest.importorskip("torch")
    assert callable(getattr(edgebnn.nn, name))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'BinaryConv3d'"):
        edgebnn.nn.BinaryConv3d  # noqa: B018


def test_without_pytorch_one_sentence_names_the_extra() -> None:
    program = "import sys; sys.modules['torch'] = None\nfrom edgebnn.nn import BinaryLinear"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert found.returncode and found.stderr.strip().splitlines()[-1] == (
        "edgebnn.errors.ToolError: edgebnn.nn.BinaryLinear needs PyTorch: pip install 'edgebnn[train]'"
    )


def test_the_example_of_the_docs_trains_and_compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    code, on_devices = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "example.py").write_text(code)
    names = runpy.run_path("example.py")
    expected = names["model"].eval()(names["x"]).detach().numpy()
    scores = names["scores"]
    assert np.mean(scores.argmax(1) == expected.argmax(1)) > 0.99
    assert np.mean(scores.argmax(1) == names["y"].numpy()) > 0.8
    (tmp_path / "on_devices.py").write_text(on_devices)
    names = runpy.run_path("on_devices.py")
    assert names["ohm"].shape == names["spent"].shape == (2, 32, 64)
    assert names["spent"].sum() > 0
