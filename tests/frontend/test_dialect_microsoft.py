"""onnxruntime's own operators (com.microsoft), as its quantiser and optimiser write them, against onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from tests.frontend.comparison import assert_same_as_onnxruntime
from tests.frontend.onnx_models import Model, signs

DOMAIN = "com.microsoft"


def saved(model: Model, folder: Path) -> Path:
    """The model with its domain said, as files of onnxruntime have it."""
    proto = model.proto()
    proto.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    path = folder / "model.onnx"
    onnx.save(proto, path)
    return path


@pytest.mark.parametrize("name", ["uint8", "int8"])
def test_pairs_of_its_domain_are_those_of_onnx(name: str, tmp_path: Path) -> None:
    """onnxruntime's quantiser writes them so for 4 and 16 bits where the opset is below 21."""
    model = Model((8,), opset=13)
    zero = model.constant(128 if name == "uint8" else 3, np.dtype(name))
    for operator in ("QuantizeLinear", "DequantizeLinear"):
        model.add(operator, 0.05, zero, domain=DOMAIN)
    scale, none = model.constant(0.5), model.constant(0, np.int8)
    weights = model.constant(np.random.default_rng(0).integers(-100, 100, (8, 6)), np.int8)
    signal = model.last
    model.add("DequantizeLinear", inputs=[weights, scale, none], domain=DOMAIN)
    model.add("MatMul", inputs=[signal, model.last])
    model.sign(at_least=True)
    model.add("MatMul", signs(1, 6, 3))
    compared = assert_same_as_onnxruntime(saved(model, tmp_path), ReadOptions(), batch=64)
    assert compared.network.encoding.quantizer is not None
    assert [layer.weight_kind.value for layer in compared.network.linear] == ["int8", "binary"]


def test_what_its_optimiser_fuses_is_refused_with_a_remedy_for_it(tmp_path: Path) -> None:
    model = Model((8,), opset=13)
    model.add("FusedMatMul", signs(0, 8, 3), domain=DOMAIN)
    with pytest.raises(ModelError, match=r"FusedMatMul.*; export the model without onnxruntime's optimiser"):
        read_network(saved(model, tmp_path))
