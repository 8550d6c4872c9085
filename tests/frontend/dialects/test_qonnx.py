"""QONNX: each operator against the package qonnx's own execution, and Brevitas' exports against its executor."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.dialects.quantisers import ROUNDING
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.operations import Elementwise, Knowing, Quantised
from edgebnn.frontend.problems import Refusal
from edgebnn.network.interpreter import interpret
from tests.conftest import ROOT
from tests.frontend.onnx_models import Model, signs
from tests.frontend.recognised import carried_out, node_of, recognise

DOMAINS = ("onnx.brevitas", "finn", "finn.custom_op.general", "qonnx.custom_op.general", "")
DOMAIN = "qonnx.custom_op.general"


@pytest.fixture(autouse=True, scope="module")
def _qonnx() -> None:
    pytest.importorskip("qonnx", reason="qonnx is not installed (it is in the extra `test`)")


def floats(*values: float) -> Array:
    return np.array(values, np.float32)


def points(scale: Array, seed: int) -> Array:
    """Values (2, 3, 4, 40) with every tie and zero that a quantiser of this scale has, and what lies next to them."""
    rng = np.random.default_rng(seed)
    halves = np.arange(-20, 20).astype(np.float32) / np.float32(2) * scale
    near = np.concatenate([halves + np.zeros((1, 3, 1, 1), np.float32)] * 4, 2).astype(np.float32)
    near[:, :, 1] = np.nextafter(near[:, :, 1], np.float32(np.inf))
    near[:, :, 2] = np.nextafter(near[:, :, 2], np.float32(-np.inf))
    near[:, :, 3] = rng.normal(scale=4, size=near[:, :, 3].shape)
    zero = np.where(rng.random(near.shape) < 0.5, np.float32(0), np.float32(-0.0))
    return np.concatenate([near, zero])


SCALES = {
    "one": floats(1).reshape(()),
    "odd": floats(0.37).reshape(1),
    "of channels": floats(0.5, 0.3, 1.7).reshape(1, 3, 1, 1),
}


class TestQuantisers:
    """Signals and constants alike."""

    def both(self, operator: str, x: Array, expected: Array, *constants: Array, **attributes: Any) -> Quantised:
        """Compares a signal and a constant with what qonnx gives; returns the constant's integers."""
        node = node_of(operator, DOMAIN, 1 + len(constants), **attributes)
        given = dict(enumerate(constants, start=1))
        operation = recognise(node, {0: x}, given)
        assert isinstance(operation, Elementwise) and operation.result == "float"
        assert np.array_equal(carried_out(operation, x), expected)
        known = recognise(node, {}, {0: x} | given)
        assert isinstance(known, Knowing) and isinstance(known.value, Quantised)
        assert known.value.values.dtype == np.float32 and known.value.scale.ndim == x.ndim
        assert np.array_equal(known.value.values, expected)
        assert np.array_equal((known.value.integers * known.value.scale).astype(np.float32), expected)
        return known.value

    @pytest.mark.parametrize("name", SCALES)
    @pytest.mark.parametrize("domain", DOMAINS)
    def test_bipolar_quant_gives_plus_one_at_zero(self, name: str, domain: str) -> None:
        from qonnx.custom_op.general.bipolar_quant import binary_quant

        x = points(SCALES[name], 0)
        known = self.both("BipolarQuant", x, binary_quant(x, SCALES[name]), SCALES[name])
        assert set(np.unique(known.integers)) == {-1, 1} and np.all(known.integers[x == 0] == 1)
        assert isinstance(recognise(node_of("BipolarQuant", domain, 2), {0: x}, {1: SCALES[name]}), Elementwise)

    @pytest.mark.parametrize("name", SCALES)
    @pytest.mark.parametrize("bits", range(1, 9))
    @pytest.mark.parametrize(("signed", "narrow"), [(1, 1), (1, 0), (0, 0), (0, 1)])
    def test_quant_with_every_width(self, name: str, bits: int, signed: int, narrow: int) -> None:
        from qonnx.custom_op.general.intquant import int_quant

        x, scale, zero, width = points(SCALES[name], bits), SCALES[name], floats(0), floats(bits).reshape(())
        expected = int_quant(x, scale, zero, width, signed, narrow, "ROUND")
        known = self.both("Quant", x, expected, scale, zero, width, signed=signed, narrow=narrow)
        ends = {(1, 1): (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1), (0, 0): (0, 2**bits - 1)}.get((signed, narrow))
        if bits == 1 and signed:
            assert set(np.unique(known.integers)) == {-1, 1}
        elif ends is not None:
            assert ends[0] <= known.integers.min() and known.integers.max() <= ends[1]

    @pytest.mark.parametrize("mode", sorted(set(ROUNDING) - {"ROUND_TO_ZERO"}))
    @pytest.mark.parametrize("name", SCALES)
    def test_quant_with_every_rounding_mode(self, mode: str, name: str) -> None:
        from qonnx.custom_op.general.intquant import int_quant

        x, scale, zero, width = points(SCALES[name], 1), SCALES[name], floats(0), floats(4)
        tricky = floats(0.49999997, -0.49999997, 8388609, 2.5, 1.5, -2.5, 3.4999998)
        x.reshape(-1)[: tricky.size] = tricky
        expected = int_quant(x, scale, zero, width, 1, 0, mode)
        self.both("IntQuant", x, expected, scale, zero, width, signed=1, narrow=0, rounding_mode=mode)
        self.both("IntQuant", x, expected, scale, zero, width, signed=1, narrow=0, rounding_mode=mode.lower())

    def test_brevitas_own_name_for_rounding_to_zero(self) -> None:
        x = floats(-1.5, -0.5, 0.5, 1.7)
        node = node_of("Quant", DOMAIN, 4, signed=1, narrow=0, rounding_mode="ROUND_TO_ZERO")
        operation = recognise(node, {0: x}, {1: floats(1), 2: floats(0), 3: floats(3)})
        assert carried_out(operation, x).tolist() == [-1, 0, 0, 1]

    @pytest.mark.parametrize("zero", [3.0, -2.0])
    @pytest.mark.parametrize("bits", [1, 2, 4])
    def test_quant_with_a_zero_point(self, zero: float, bits: int) -> None:
        from qonnx.custom_op.general.intquant import int_quant

        for name, scale in SCALES.items():
            x, width = points(SCALES[name], 2), floats(bits)
            for signed in (0, 1):
                expected = int_quant(x, scale, floats(zero), width, signed, 0, "ROUND")
                self.both("Quant", x, expected, scale, floats(zero), width, signed=signed, narrow=0)

    def test_a_bit_width_as_an_integer_and_a_scale_with_axes(self) -> None:
        from qonnx.custom_op.general.intquant import int_quant

        x = points(SCALES["odd"], 3)
        scale, zero, width = floats(0.37).reshape(1, 1, 1, 1), np.zeros((), np.int64), np.array(3, np.int64)
        expected = int_quant(x, scale, floats(0), floats(3), 1, 1, "ROUND")
        self.both("Quant", x, expected, scale, zero, width, signed=1, narrow=1)

    @pytest.mark.parametrize("mode", ["FLOOR", "ROUND", "CEIL", "DOWN", "HALF_UP"])
    @pytest.mark.parametrize("bits", [3, 5, 8])
    def test_trunc_in_its_old_form(self, mode: str, bits: int) -> None:
        from qonnx.custom_op.general.trunc import trunc_v1

        for scale in SCALES.values():
            x = np.rint(points(floats(1), 4) * 9) * scale
            expected = trunc_v1(x, scale, floats(0), floats(10), floats(bits), mode)
            self.both("Trunc", x, expected, scale, floats(0), floats(10), floats(bits), rounding_mode=mode)

    @pytest.mark.parametrize("mode", ["FLOOR", "ROUND", "CEIL", "DOWN", "HALF_DOWN"])
    @pytest.mark.parametrize(("signed", "narrow"), [(1, 1), (1, 0), (0, 0)])
    def test_trunc_in_its_new_form(self, mode: str, signed: int, narrow: int) -> None:
        from qonnx.custom_op.general.trunc import trunc_v2

        for scale in SCALES.values():
            x = np.rint(points(floats(1), 5) * 9) * scale
            output = scale * np.float32(8)
            expected = trunc_v2(x, scale, floats(0), floats(10), narrow, signed, output, floats(4), mode)
            constants = (scale, floats(0), floats(10), output, floats(4))
            self.both("Trunc", x, expected, *constants, rounding_mode=mode, signed=signed, narrow=narrow)

    @pytest.mark.parametrize("bits", [16, 24, 32])
    def test_a_bias_of_many_bits(self, bits: int) -> None:
        from qonnx.custom_op.general.intquant import int_quant

        bias = np.random.default_rng(0).normal(scale=50, size=40).astype(np.float32)
        bias[0] = 1e9
        scale, zero, width = floats(0.01).reshape(()), floats(0), floats(bits)
        node = node_of("Quant", DOMAIN, 4, signed=1, narrow=0)
        known = recognise(node, {}, {0: bias, 1: scale, 2: zero, 3: width})
        assert isinstance(known, Knowing) and isinstance(known.value, Quantised)
        assert np.array_equal(known.value.values, int_quant(bias, scale, zero, width, 1, 0, "ROUND"))


@pytest.mark.parametrize("seed", range(4))
def test_xnor_popcount_counts_equal_bits(seed: int) -> None:
    from qonnx.custom_op.general.xnorpopcount import xnorpopcountmatmul

    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (5, 33)).astype(np.float32)
    w = rng.integers(0, 2, (33, 7)).astype(np.float32)
    operation = recognise(node_of("XnorPopcountMatMul", DOMAIN, 2), {0: x}, {1: w})
    result = carried_out(operation, x)
    assert np.array_equal(result, xnorpopcountmatmul(x, w))
    assert np.array_equal(result, (x[:, :, np.newaxis] == w).sum(1))


@pytest.mark.parametrize(
    ("operator", "constants", "attributes", "words"),
    [
        ("BipolarQuant", [floats(0)], {}, "scale that is zero"),
        ("Quant", [floats(1), floats(0), floats(2.5)], {"signed": 1, "narrow": 1}, "not one whole number"),
        ("Quant", [floats(1), floats(0), floats(9)], {"signed": 1, "narrow": 1}, "9 bits"),
        ("Quant", [floats(1), floats(0), floats(0)], {"signed": 1, "narrow": 1}, "0 bits"),
        ("Quant", [floats(1), floats(0.5), floats(2)], {"signed": 1, "narrow": 1}, "not whole"),
        ("Quant", [floats(1), floats(0), floats(2)], {"signed": 1}, "lacks the attribute 'narrow'"),
        ("Quant", [floats(1), floats(0)], {"signed": 1, "narrow": 1}, "missing"),
        ("Quant", [floats(1), floats(0), floats(2)], {"signed": 1, "narrow": 1, "rounding_mode": "DPU"}, "'DPU'"),
        ("Quant", [np.float64([1]), floats(0), floats(2)], {"signed": 1, "narrow": 1}, "float64"),
        ("Trunc", [floats(1), floats(0), floats(4), floats(8)], {}, "makes 8 bits of 4"),
        ("XnorPopcountMatMul", [signs(0, 4, 3)], {}, "no matrix of 0 and 1"),
        ("FloatQuant", [floats(1)] * 5, {}, "not mapped; quantise statically"),
        ("Quantize", [floats(1)], {}, "not mapped"),
    ],
)
def test_what_is_not_understood(operator: str, constants: list[Array], attributes: dict[str, Any], words: str) -> None:
    node = node_of(operator, DOMAIN, 1 + len(constants), **attributes)
    with pytest.raises(Refusal, match=words):
        recognise(node, {0: np.zeros((2, 4), np.float32)}, dict(enumerate(constants, start=1)))


def test_constants_and_scales_that_do_not_fit() -> None:
    w, scale = signs(0, 4, 4), np.ones((4, 1, 4), np.float32)
    with pytest.raises(Refusal, match="shape"):
        recognise(node_of("BipolarQuant", DOMAIN, 2), {}, {0: w, 1: scale})
    column, row = np.ones((1, 10**5), np.float32), np.ones((10**5, 1), np.float32)
    with pytest.raises(Refusal, match="shape"):  # before 10^10 values are made
        recognise(node_of("Quant", DOMAIN, 4, signed=1, narrow=1), {}, {0: column, 1: row, 2: floats(0), 3: floats(2)})


def test_an_unknown_domain_is_named_beside_those_that_are_known(tmp_path: Path) -> None:
    model = Model((8,))
    model.add("MVAU", domain="finn.custom_op.fpgadataflow")
    with pytest.raises(ModelError, match=r"'finn.custom_op.fpgadataflow'.*onnx.brevitas.*hardware layers"):
        read_network(model.save(tmp_path), ReadOptions("bits"))


class TestFinnModels:
    """Two of Xilinx' trained models on MNIST, and what its own executor gave for 500 digits."""

    @pytest.fixture
    def folder(self) -> Path:
        folder = Path(os.environ.get("EDGEBNN_MODELS") or ROOT.parent / "shared" / "models")
        if not folder.is_dir():
            pytest.skip("no folder with models; name one in EDGEBNN_MODELS")
        return folder

    @pytest.mark.parametrize("name", ["TFC_1W1A", "TFC_2W2A"])
    @pytest.mark.parametrize("options", [ReadOptions(), ReadOptions("uint8", Fraction(1, 255))], ids=["real", "uint8"])
    def test_every_class_is_the_golden_one(self, folder: Path, name: str, options: ReadOptions) -> None:
        model, golden = folder / f"{name}.onnx", folder / f"{name}_golden.npz"
        if not model.is_file() or not golden.is_file():
            pytest.skip(f"no {name} in the folder with models")
        network = read_network(model, options)
        with np.load(golden) as data:
            x, expected = data["input_uint8"].astype(np.float32) / np.float32(255), data["output"]
        scores = interpret(network, x.reshape(-1, 1, 28, 28)) * network.output.scale
        assert len(x) == 500
        assert np.array_equal(scores.argmax(1), expected.argmax(1))
        assert np.abs(scores - expected).max() < 1e-5


def test_files_of_the_oldest_exporters(tmp_path: Path) -> None:
    """Opset 9, no import of the custom domain, or none of ONNX's own; an operator without any domain."""
    model = Model((16,), opset=9)
    weights = model.constant(np.random.default_rng(0).normal(size=(4, 16)))
    one = model.constant(1.0)
    binary = model.add("BipolarQuant", inputs=[weights, one], domain="onnx.brevitas")
    turned = model.add("Transpose", inputs=[binary], perm=[1, 0])
    model.add("BipolarQuant", inputs=["x", one])
    model.add("MatMul", inputs=[model.last, turned])
    networks = [read_network(model.save(tmp_path), ReadOptions("int8"))]
    proto = model.proto()
    del proto.opset_import[:]
    proto.opset_import.append(helper.make_opsetid("onnx.brevitas", 1))
    proto.ir_version = 6
    path = tmp_path / "old.onnx"
    path.write_bytes(proto.SerializeToString())
    networks.append(read_network(path, ReadOptions("int8")))
    x = np.random.default_rng(1).integers(-3, 4, (20, 16))
    assert np.array_equal(interpret(networks[0], x), interpret(networks[1], x))
    assert np.array_equal(
        networks[0].linear[0].weights, np.where(numpy_helper.to_array(proto.graph.initializer[0]) >= 0, 1, -1)
    )


def test_weights_of_more_than_two_bits_keep_their_integers(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).normal(size=(5, 16)).astype(np.float32)
    model = Model((16,), TensorProto.INT8)
    model.add("Cast", to=TensorProto.FLOAT)
    signal = model.last
    scale, zero, bits = model.constant(0.1), model.constant(0.0), model.constant(4.0)
    quant = model.add("Quant", inputs=[model.constant(weights), scale, zero, bits], domain=DOMAIN, signed=1, narrow=1)
    turned = model.add("Transpose", inputs=[quant], perm=[1, 0])
    model.add("MatMul", inputs=[signal, turned])
    network = read_network(model.save(tmp_path))
    assert np.array_equal(network.linear[0].weights, np.clip(np.rint(weights / np.float32(0.1)), -7, 7))


@pytest.mark.parametrize("operator", ["Mul", "Div", "Neg"])
def test_quantised_weights_that_are_scaled_stay_quantised(tmp_path: Path, operator: str) -> None:
    """A factor of each channel, some negative, behind the quantiser of the weights."""
    rng = np.random.default_rng(1)
    model = Model((16,))
    quant = model.add(
        "Quant",
        inputs=[model.constant(rng.normal(size=(16, 5))), *(model.constant(number) for number in (0.25, 0.0, 4.0))],
        domain=DOMAIN,
        signed=1,
        narrow=1,
    )
    factors = [] if operator == "Neg" else [model.constant(np.array([0.5, -2, 3, -0.1, 1]))]
    scaled = model.add(operator, inputs=[quant, *factors])
    model.add("MatMul", inputs=["x", scaled])
    path = model.save(tmp_path)
    network = read_network(path, ReadOptions("int4"))
    assert len(np.unique(network.linear[0].weights)) > 3
    x = rng.integers(-8, 8, (20, 16)).astype(np.float32)
    scores = interpret(network, x) * network.output.scale
    plain = np.clip(np.rint(numpy_helper.to_array(model.constants[0]) / np.float32(0.25)), -7, 7) * 0.25
    factor = np.float32([0.5, -2, 3, -0.1, 1])
    expected = x @ {"Mul": plain * factor, "Div": plain / factor, "Neg": -plain}[operator]
    assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()
