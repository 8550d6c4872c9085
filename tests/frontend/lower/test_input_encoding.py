"""Which integers the input holds: the model's type, a clip, the user's word, calibration data, or 16 bits."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgebnn.errors import DataError, ModelError
from edgebnn.frontend import ReadOptions, parse_input_offset, parse_input_scale, read_network
from edgebnn.network import interpret
from edgebnn.network.types import Kind, Tensor
from tests.frontend.comparison import assert_same_as_onnxruntime
from tests.frontend.onnx_models import Model, dense, signs


def input_of(folder: Path, options: ReadOptions, model: Model | None = None) -> Tensor:
    return read_network((model or dense()).save(folder), options).inputs[0].tensor


@pytest.mark.parametrize(
    ("name", "kind", "low", "high"),
    [
        ("bits", Kind.BITS, -1, 1),
        ("trits", Kind.TRITS, -1, 1),
        ("uint8", Kind.INTEGERS, 0, 255),
        ("int12", Kind.INTEGERS, -2048, 2047),
        ("uint1", Kind.INTEGERS, 0, 1),
        ("int16", Kind.INTEGERS, -32768, 32767),
    ],
)
def test_types_by_name(tmp_path: Path, name: str, kind: Kind, low: int, high: int) -> None:
    tensor = input_of(tmp_path, ReadOptions(name))
    assert (tensor.kind, tensor.low, tensor.high) == (kind, low, high)


@pytest.mark.parametrize("name", ["int0", "int17", "float", "uint", "int8 ", "8", ""])
def test_unknown_types(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="uintN or intN"):
        input_of(tmp_path, ReadOptions(name))


def test_sixteen_bits_by_default_with_a_note(tmp_path: Path) -> None:
    network = read_network(dense().save(tmp_path))
    assert (network.inputs[0].tensor.low, network.inputs[0].tensor.high) == (-32768, 32767)
    assert "input_type" in network.notes[0]


@pytest.mark.parametrize(
    ("samples", "low", "high"),
    [
        (np.zeros((2, 8), np.uint8), 0, 255),
        (np.repeat([[-5, 100]], 4, axis=1), -128, 127),
        (np.repeat([[0.0, 4000.0]], 4, axis=1), 0, 4095),
        (np.zeros((1, 8)), 0, 1),
    ],
)
def test_calibration_data_show_the_range(tmp_path: Path, samples: np.ndarray, low: int, high: int) -> None:
    tensor = input_of(tmp_path, ReadOptions(calibration=samples))
    assert (tensor.low, tensor.high) == (low, high)


@pytest.mark.parametrize(
    "samples",
    [
        np.full((1, 8), np.nan),
        np.full((1, 8), 10**6),
        np.full((1, 8), "a"),
        np.zeros((0, 8)),
        np.zeros((4, 7)),
        np.zeros(8),
    ],
)
def test_calibration_data_that_are_no_samples(tmp_path: Path, samples: np.ndarray) -> None:
    with pytest.raises(DataError):
        input_of(tmp_path, ReadOptions(calibration=samples))


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        (TensorProto.UINT8, 0, 255),
        (TensorProto.INT8, -128, 127),
        (TensorProto.INT16, -32768, 32767),
        (TensorProto.UINT16, 0, 65535),
    ],
)
def test_an_integer_input_brings_its_range(tmp_path: Path, dtype: int, low: int, high: int) -> None:
    model = Model((8,), dtype)
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("MatMul", signs(0, 8, 3))
    model.add("Mul", np.array([0.5, 0.25, 1.5]))
    model.add("Add", np.array([1.0, 2.0, 3.0]))
    compared = assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions())
    tensor = compared.network.inputs[0].tensor
    assert (tensor.low, tensor.high) == (low, high)
    assert compared.network.inputs[0].encoding.dtype == {3: "int8", 2: "uint8", 5: "int16", 4: "uint16"}[dtype]
    assert not compared.network.notes


def test_a_clip_behind_the_input_narrows_its_range(tmp_path: Path) -> None:
    model = Model((8,), TensorProto.INT16)
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("Clip", -100.5, 800.0)
    model.add("MatMul", signs(0, 8, 3))
    tensor = input_of(tmp_path, ReadOptions(), model)
    assert (tensor.low, tensor.high) == (-100, 800)


def test_arithmetic_on_integers_before_the_cast_is_refused(tmp_path: Path) -> None:
    model = Model((8,), TensorProto.UINT8)
    model.add("Sub", inputs=["x", model.constant(3, np.uint8)])
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("MatMul", signs(0, 8, 3))
    with pytest.raises(ModelError, match="cast to float32"):
        input_of(tmp_path, ReadOptions(), model)


def test_a_type_that_the_models_own_does_not_hold(tmp_path: Path) -> None:
    model = Model((8,), TensorProto.UINT8)
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("MatMul", signs(0, 8, 3))
    with pytest.raises(ModelError, match="does not hold int4"):
        input_of(tmp_path, ReadOptions("int4"), model)
    assert input_of(tmp_path, ReadOptions("uint4"), model).high == 15


def test_a_negated_input_turns_the_weights(tmp_path: Path) -> None:
    model = Model((8,))
    model.add("Mul", -0.5)
    model.add("MatMul", signs(0, 8, 3))
    network = assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions("int8")).network
    assert np.array_equal(network.linear[0].weights, -signs(0, 8, 3).T)
    assert network.output.scale == 0.5


def test_an_offset_per_channel_becomes_a_constant_per_neuron(tmp_path: Path) -> None:
    model = Model((4, 9))
    model.add("Sub", np.array([[1.0], [-2.0], [3.0], [0.5]]))
    model.add("Conv", signs(0, 6, 2, 3), group=2)
    model.sign()
    model.add("Flatten")
    model.add("MatMul", signs(1, 42, 3))
    assert assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions("int8"), batch=64).activations


@pytest.mark.parametrize("input_type", ["bits", "trits"])
def test_a_sign_of_signs_is_no_step(tmp_path: Path, input_type: str) -> None:
    model = Model((8,))
    model.sign()
    model.add("MatMul", signs(0, 8, 3))
    network = assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions(input_type)).network
    assert len(network.nodes) == 1


def test_a_step_of_trits_that_is_no_sign_is_a_threshold(tmp_path: Path) -> None:
    model = Model((8,))
    model.sign(at_least=True)
    model.add("MatMul", signs(0, 8, 3))
    network = assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions("trits")).network
    assert [node.kind for node in network.nodes] == ["threshold", "dense"]
    assert input_of(tmp_path, ReadOptions("bits"), model).kind is Kind.BITS


def test_the_models_own_quantiser_stands_before_that_of_calibration(tmp_path: Path) -> None:
    model = Model((8,))
    model.add("Sub", 0.3)
    model.sign(at_least=True)
    model.add("MatMul", signs(0, 8, 3))
    samples = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    path = model.save(tmp_path)
    network = read_network(path, ReadOptions(calibration=samples))
    assert network.inputs[0].tensor.kind == "bits" and not network.quantised
    expected = np.where(samples >= np.float32(0.3), 1, -1) @ signs(0, 8, 3)
    assert np.array_equal(interpret(network, samples) * network.output.scale, expected)


@pytest.mark.parametrize("stated", [{"input_scale": Fraction(1, 16)}, {"input_offset": Fraction(1, 16)}])
def test_a_stated_scale_or_offset_alone_stands_before_the_models_own_quantiser(
    tmp_path: Path, stated: dict[str, Fraction]
) -> None:
    model = Model((8,))
    for operator in ("QuantizeLinear", "DequantizeLinear"):
        model.add(operator, 0.125, model.constant(0, np.int8))
    model.add("MatMul", signs(0, 8, 3))
    path = model.save(tmp_path)
    assert read_network(path).inputs[0].tensor.high == 127
    entry = read_network(path, ReadOptions(**stated)).inputs[0]
    assert entry.encoding.quantizer is None and entry.tensor.high == 32767
    assert entry.tensor.scale == stated.get("input_scale", 1) and entry.encoding.offset == stated.get("input_offset", 0)


def test_real_samples_are_quantised_by_calibration(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    network = read_network(dense().save(tmp_path), ReadOptions(calibration=samples))
    assert (network.inputs[0].tensor.low, network.inputs[0].tensor.high) == (-127, 127) and network.quantised == ("x",)
    scores = interpret(network, samples) * network.output.scale
    step = np.abs(samples).max() / 127
    assert np.all(np.abs(scores - samples @ signs(0, 8, 3)) <= 8 * step / 2 * 1.001)


def test_calibration_data_that_are_bytes_over_255_are_those_bytes(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (20, 8))
    samples = (pixels / 255).astype(np.float32)
    network = read_network(dense().save(tmp_path), ReadOptions(calibration=samples))
    entry = network.inputs[0]
    assert (entry.tensor.low, entry.tensor.high) == (0, 255)
    assert not network.quantised and any("8-bit integers, each worth 1/255" in note for note in network.notes)
    assert np.array_equal(interpret(network, samples), interpret(network, pixels.astype(np.uint8)))


@pytest.mark.parametrize("quantised_first", [True, False])
@pytest.mark.parametrize("moved", ["Unsqueeze", "Reshape", "Reshape twice"])
def test_the_models_own_quantiser_is_the_encoding_whatever_moves_its_axes(
    tmp_path: Path, moved: str, quantised_first: bool
) -> None:
    model = Model((12,))

    def move() -> None:
        if moved == "Unsqueeze":
            model.add("Unsqueeze", model.constant([1], np.int64))
        else:
            model.add("Reshape", model.constant([-1, 3, 4], np.int64))
        if moved == "Reshape twice":
            model.add("Reshape", model.constant([-1, 1, 12], np.int64))

    def quantise() -> None:
        for operator in ("QuantizeLinear", "DequantizeLinear"):
            model.add(operator, 0.0625, model.constant(3, np.int8))

    for step in (quantise, move) if quantised_first else (move, quantise):
        step()
    channels, length = (3, 4) if moved == "Reshape" else (1, 12)
    model.add("Conv", signs(0, 5, channels, 3), pads=[1, 1])
    model.sign(at_least=True)
    model.add("Flatten")
    model.add("MatMul", signs(1, 5 * length, 3))
    path = model.save(tmp_path)
    assert assert_same_as_onnxruntime(path, ReadOptions(), batch=64).scores_compared
    network = read_network(path)
    assert network.inputs[0].encoding.quantizer is not None and network.inputs[0].tensor.shape == (12,)
    assert (network.inputs[0].tensor.low, network.inputs[0].tensor.high) == (-131, 124)


def test_an_input_that_is_read_beside_its_quantiser_holds_integers(tmp_path: Path) -> None:
    model = Model((12,))
    wide = model.add("Unsqueeze", model.constant([1], np.int64))
    for operator in ("QuantizeLinear", "DequantizeLinear"):
        model.add(operator, 2.0, model.constant(0, np.int8))
    model.add("Conv", signs(0, 2, 1, 3))
    quantised = model.sign(at_least=True)
    model.add("Conv", signs(1, 2, 1, 3), inputs=[wide, model.constant(signs(1, 2, 1, 3))])
    raw = model.sign(at_least=True)
    model.add("Add", inputs=[quantised, raw])
    model.add("Conv", signs(2, 3, 2, 1))
    assert (
        assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions("int8")).network.inputs[0].encoding.quantizer
        is None
    )


def test_an_offset_beside_the_scale(tmp_path: Path) -> None:
    model = Model((1, 9))
    model.add("Conv", signs(0, 6, 1, 3), pads=[1, 1])
    model.sign(at_least=True)
    model.add("Flatten")
    model.add("MatMul", signs(1, 54, 3))
    path = model.save(tmp_path)
    options = ReadOptions("uint8", Fraction(2, 255), input_offset=Fraction(-1))
    compared = assert_same_as_onnxruntime(path, options, batch=64)
    network = compared.network
    assert compared.scores_compared and network.inputs[0].encoding.offset == -1
    assert network.linear[0].border is not None and network.linear[0].border.shift == 1
    pixels = np.arange(256, dtype=np.float32).repeat(9).reshape(256, 1, 9)
    normalised = (pixels / np.float32(255) - np.float32(0.5)) / np.float32(0.5)
    assert np.array_equal(interpret(network, normalised), interpret(network, pixels.astype(np.uint8)))


def test_what_float32_makes_of_bytes_is_taken_and_nothing_else(tmp_path: Path) -> None:
    network = read_network(dense().save(tmp_path), ReadOptions("int9", Fraction(1, 255)))
    pixels = np.arange(256, dtype=np.float32).repeat(8).reshape(256, 8)
    normalised = (pixels / np.float32(255) - np.float32(0.5)) / np.float32(0.5)
    assert np.array_equal(interpret(network, normalised), interpret(network, (2 * pixels - 255).astype(np.int16)))
    assert np.array_equal(interpret(network, normalised[128:129]), interpret(network, np.ones((1, 8), np.int16)))
    normalised[200, 5] += 0.001
    with pytest.raises(DataError, match=r"x\[200, 5\] is 0\.569627, 0\.26 of a step from 145 times 0\.00392157"):
        interpret(network, normalised)
    with pytest.raises(DataError, match=r"compile again with calibration=x"):
        interpret(network, np.full((1, 8), 1e-7, np.float32))


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.ones((1, 8), np.uint8), "is one sample"),
        (np.ones((40, 8), np.uint8), "40 times the same"),
        (np.eye(8, dtype=np.uint8), "are 8 samples"),
    ],
)
def test_calibration_data_that_show_no_range_draw_a_note(tmp_path: Path, samples: np.ndarray, said: str) -> None:
    notes = read_network(dense().save(tmp_path), ReadOptions(calibration=samples)).notes
    assert any(said in note for note in notes)


def test_calibration_data_in_units_of_a_scale_and_an_offset(tmp_path: Path) -> None:
    samples = (np.random.default_rng(0).integers(0, 256, (64, 8)) / 255 * 2 - 1).astype(np.float32)
    scale, offset = Fraction(2, 255), Fraction(-1)
    options = ReadOptions(input_scale=scale, input_offset=offset, calibration=samples)
    tensor = input_of(tmp_path, options)
    assert (tensor.low, tensor.high) == (0, 255)
    with pytest.raises(DataError, match="no integers times 2/255 plus 1/7"):
        input_of(tmp_path, ReadOptions(input_scale=scale, input_offset=Fraction(1, 7), calibration=samples))


def test_an_integer_input_takes_no_offset(tmp_path: Path) -> None:
    model = Model((8,), TensorProto.UINT8)
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("MatMul", signs(0, 8, 3))
    with pytest.raises(ModelError, match="input_offset"):
        input_of(tmp_path, ReadOptions(input_offset=Fraction(1)), model)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/255", Fraction(1, 255)), ("1/127.5", Fraction(2, 255)), ("0.5/0.229", Fraction(500, 229)),
        ("0.005", Fraction(1, 200)), ("2.5e-3", Fraction(1, 400)),
    ],
)  # fmt: skip
def test_a_scale_is_a_number_or_one_over_another(text: str, value: Fraction) -> None:
    assert parse_input_scale(text) == value
    assert parse_input_offset(f"-{text}") == -value


@pytest.mark.parametrize(
    "text", ["", "/", "1/", "/2", "1/0", "1/2/3", "nan", "inf", "1e999999999", "1/1e-999999999", "x"]
)
def test_what_is_no_number_is_refused_at_once(text: str) -> None:
    with pytest.raises(ModelError, match="input scale"):
        parse_input_scale(text)
    with pytest.raises(ModelError, match="input offset"):
        parse_input_offset(text)


def test_the_largest_scale_and_offset_are_right_within_a_limit() -> None:
    for read, sign in ((parse_input_scale, 1), (parse_input_offset, 1), (parse_input_offset, -1)):
        assert read(str(sign * (2**60 - 1))) == sign * (2**60 - 1)
        with pytest.raises(ModelError, match="number; write it as"):
            read(str(sign * 2**60))


def test_the_smallest_scale_is_right_above_a_limit() -> None:
    assert parse_input_scale(f"1/{2**60 - 1}") == Fraction(1, 2**60 - 1)
    with pytest.raises(ModelError, match="is no positive number"):
        parse_input_scale(f"1/{2**60}")


@pytest.mark.parametrize("made", ["initializers", "nodes"])
@pytest.mark.parametrize(("bounds", "low", "high"), [((-3, 5), -3, 5), ((None, 5), -128, 5), ((-3, None), -3, 127)])
def test_a_clip_narrows_the_input_from_the_sides_that_it_has(
    tmp_path: Path, made: str, bounds: tuple[float | None, float | None], low: int, high: int
) -> None:
    model = Model((8,))

    def name_of(bound: float | None) -> str:
        if bound is None:
            return ""
        if made == "initializers":
            return model.constant(bound)
        value = numpy_helper.from_array(np.array(bound, np.float32))
        model.nodes.append(helper.make_node("Constant", [], [f"bound_{bound}"], value=value))
        return f"bound_{bound}"

    names = [name_of(bound) for bound in bounds]
    model.add("Clip", inputs=["x", *names])
    model.add("MatMul", signs(0, 8, 3))
    tensor = input_of(tmp_path, ReadOptions("int8"), model)
    assert (tensor.low, tensor.high) == (low, high)
