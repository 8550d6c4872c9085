"""Models that never were a file: bytes and protobufs are read through the same checked door."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import edgebnn
from edgebnn.errors import EdgeBNNError, ModelError
from edgebnn.models import ECG_PVC

X = np.random.default_rng(0).integers(-128, 128, (3, 4, 120)).astype(np.int8)
CONTENT = Path(ECG_PVC).read_bytes()


def test_bytes_and_protobufs_become_the_deployment_of_their_file() -> None:
    of_file = edgebnn.compile(ECG_PVC, target="cortex-m4")
    of_bytes = edgebnn.compile(CONTENT, target="cortex-m4")
    of_proto = edgebnn.compile(onnx.load_model_from_string(CONTENT), target="cortex-m4")
    assert of_bytes.mapped.provenance.model_sha256 == of_file.mapped.provenance.model_sha256
    for other in (of_bytes, of_proto):
        assert other.mapped.image == of_file.mapped.image
        assert np.array_equal(other.run(X), of_file.run(X))
    assert of_bytes.emulate(X, model=CONTENT, firmware_samples=0).agreement["onnxruntime-fast"].whole


def test_inspect_gives_the_network_or_its_problems() -> None:
    for model in (ECG_PVC, CONTENT):
        found = edgebnn.inspect(model)
        assert found.network is not None and found.problems == ()
        assert len(repr(found)) < 120
    unknown = onnx.load_model_from_string(CONTENT)
    unknown.graph.node[0].op_type = "Einsum"
    del unknown.graph.node[0].attribute[:]
    unknown.graph.node[0].attribute.append(onnx.helper.make_attribute("equation", "abc->abc"))
    found = edgebnn.inspect(unknown)
    assert found.network is None and found.problems


@pytest.mark.parametrize("model", [5, None, ["a"], X])
def test_what_is_no_model_is_told_what_to_pass(model: object) -> None:
    with pytest.raises(ModelError, match=r"path of an ONNX file, its bytes, or an onnx\.ModelProto"):
        edgebnn.compile(model)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"abc", CONTENT[:-200], b"\x00" * 100])
def test_damaged_bytes_are_refused_as_damaged_files_are(content: bytes) -> None:
    with pytest.raises(EdgeBNNError):
        edgebnn.compile(content)


def test_external_data_have_no_place_beside_bytes(tmp_path: Path) -> None:
    """Bytes name files, but lie in no folder: nothing of the current one is read for them."""
    model = onnx.load_model_from_string(CONTENT)
    onnx.save_model(model, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    with pytest.raises(ModelError):
        edgebnn.compile((tmp_path / "m.onnx").read_bytes())
    assert edgebnn.compile(tmp_path / "m.onnx", target="cortex-m4").run(X).shape == (3, 2)
