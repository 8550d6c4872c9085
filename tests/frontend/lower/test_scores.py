"""What a model ends in: what float32 makes of its scores, and the softmax or arg max that is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgebnn.api import compile
from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.network.interpreter import interpret, trace
from edgebnn.network.network import Network
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Model, dense, signs
from tests.networks import random_inputs

OPTIONS = ReadOptions("bits")


def hidden() -> Model:
    """A binary layer with a sign, and a second one: sums of 33 products."""
    model = Model((40,))
    model.add("MatMul", signs(0, 40, 33))
    model.sign(at_least=True)
    model.add("MatMul", signs(1, 33, 5))
    return model


def farthest(network: Network, path: Path) -> float:
    """How far onnxruntime's scores lie from the network's, at most."""
    x = random_inputs(network, 0, 50)
    scores = trace(network, x)[network.output.name] * network.output.scale
    return float(np.abs(scores - onnxruntime_values(path, x)[network.output.name].astype(np.float64)).max())


def test_sums_that_are_the_scores_have_no_error(tmp_path: Path) -> None:
    assert read_network(hidden().save(tmp_path), OPTIONS).score_error == 0


def test_an_offset_that_float32_cannot_take_away_again_counts(tmp_path: Path) -> None:
    """(s + 1e8) - 1e8 is a multiple of 8 in float32, whatever the sum."""
    model = hidden()
    model.add("Add", 1e8)
    model.add("Sub", 1e8)
    path = model.save(tmp_path)
    network = read_network(path, OPTIONS)
    assert 1 <= farthest(network, path) <= network.score_error < 200
    x = random_inputs(network, 0, 50)
    assert compile(path, target="host", input_type="bits").emulate((x, np.zeros(50)), model=path).executors_agree


def test_the_error_of_a_step_grows_with_the_factor_behind_it(tmp_path: Path) -> None:
    model = hidden()
    model.add("Mul", np.float32(0.3))
    model.add("Add", 1e6)
    model.add("Sub", 1e6)
    model.add("Mul", np.float32(1000))
    model.add("Div", np.float32(0.7))
    path = model.save(tmp_path)
    network = read_network(path, OPTIONS)
    assert 10 <= farthest(network, path) <= network.score_error < 10_000


def test_an_estimator_around_scores_counts_what_it_goes_through(tmp_path: Path) -> None:
    """x + (s - x) with a large |x| loses the low bits of s."""
    model = hidden()
    sums = model.last
    model.add("Mul", 1e7)
    through = model.add("Abs")
    difference = model.add("Sub", inputs=[sums, through])
    model.add("Add", inputs=[through, difference])
    path = model.save(tmp_path)
    network = read_network(path, OPTIONS)
    assert 1 <= farthest(network, path) <= network.score_error < 1000


@pytest.mark.parametrize("seed", range(8))
def test_scores_at_the_bound_of_what_int32_rounds_are_within_it(tmp_path: Path, seed: int) -> None:
    """One input of +-1: every score is at its bound, and float32 itself rounds nothing."""
    model = Model((1,))
    scales = np.float32(10) ** np.random.default_rng(seed).uniform(-4, 0, size=10).astype(np.float32)
    model.add("MatMul", signs(seed, 1, 10) * scales)
    path = model.save(tmp_path)
    network = read_network(path, OPTIONS)
    assert 0 < farthest(network, path) <= network.score_error < 1e-8


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_a_bound_of_scores_says_what_it_does_not_hold_for(tmp_path: Path, weight: float) -> None:
    """0.3 s = 0.6 at s = 2, where float32's own sum decides: then all scores behind that step are others."""
    model = Model((8,))
    model.add("MatMul", signs(0, 8, 8) * np.float32(weight))
    model.add("Sub", np.float32(2 * weight))
    model.sign(at_least=True)
    model.add("MatMul", signs(1, 8, 3))
    model.add("Add", np.array([0.1, 0.7, 1e6], np.float32))
    (note,) = read_network(model.save(tmp_path), OPTIONS).notes
    assert "lie within" in note and ("one of 8 ambiguous thresholds" in note) == (weight != 1)


@pytest.mark.parametrize("bias", [-1e10, 1e10, -1e12, 1e38, -3.4e38])
def test_a_bias_that_int32_cannot_hold_beside_the_others_is_refused(tmp_path: Path, bias: float) -> None:
    model = dense()
    model.add("Mul", 0.01)
    model.add("Add", np.array([0.5, 0.25, bias]))
    with pytest.raises(ModelError, match=r"int32 loses all of score 0.*scale the scores alike"):
        read_network(model.save(tmp_path), OPTIONS)


@pytest.mark.parametrize(("share", "shows"), [(15, False), (17, True)])
def test_a_score_that_int32_loses_is_refused_where_float32_shows_it(tmp_path: Path, share: float, shows: bool) -> None:
    """From end to end it is so many times what float32 rounds of it: 8 times that may be lost on either side."""
    slope = np.float32(2.0**-22)
    span = 16 * float(slope)
    model = dense()
    model.add("Mul", np.array([slope, 0.3, 1.7]))
    model.add("Add", np.array([span * 2**24 / share - span / 2, 0.1, 2.0**17]))
    path = model.save(tmp_path)
    if shows:
        with pytest.raises(ModelError, match="int32 loses all of score 0"):
            read_network(path, OPTIONS)
    else:
        assert read_network(path, OPTIONS).output.scale > span


@pytest.mark.parametrize("scale", [1e-28, 1e-30, 1e-36])
def test_tiny_scores_are_as_good_as_others(tmp_path: Path, scale: float) -> None:
    model = dense()
    model.add("Mul", scale)
    path = model.save(tmp_path)
    network = read_network(path, OPTIONS)
    assert farthest(network, path) <= network.score_error


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 1e3])
def test_scores_that_need_a_shift_use_all_of_int32(tmp_path: Path, scale: float) -> None:
    """Slopes that have no unit in common, of sums so large that no multiplier of 32 bits alone is near enough."""
    model = Model((400,))
    model.add("MatMul", signs(0, 400, 10) * np.float32(0.3))
    model.add("Mul", np.random.default_rng(1).uniform(0.5, 1, 10) * scale)
    network = read_network(model.save(tmp_path), ReadOptions("int16"))
    assert 2**30 <= network.output.high < 2**31


def test_offsets_far_above_the_sums_are_the_scores(tmp_path: Path) -> None:
    model = dense()
    model.add("Mul", 1e-38)
    model.add("Add", np.array([1.0, 2.0, 3.0]))
    path = model.save(tmp_path)
    network = read_network(path, OPTIONS)
    assert farthest(network, path) < 1e-6


@pytest.mark.parametrize("ending", ["Softmax", "LogSoftmax", "ArgMax"])
@pytest.mark.parametrize("scaled", [False, True])
def test_all_executors_agree_on_a_model_that_ends_in_classes(tmp_path: Path, ending: str, scaled: bool) -> None:
    """Sums tie exactly, and so do some classes behind the scale and offsets, which float32 then splits by rounding."""
    model = hidden()
    if scaled:
        model.add("Mul", np.float32(0.1))
        model.add("Add", np.array([0.1, 0.2, 0.3, 0.4, 0.5]))
    model.add(ending, axis=1)
    path = model.save(tmp_path)
    deployment = compile(path, target="host", input_type="bits")
    assert deployment.mapped.network.ends_in == "classes"
    x = random_inputs(deployment.mapped.network, 0, 50)
    emulation = deployment.emulate((x, np.zeros(50)), model=path)
    assert emulation.executors_agree and emulation.agreement["onnxruntime-fast"].compared == 50


@pytest.mark.parametrize(("ending", "domain"), [("Softmax", ""), ("LogSoftmax", "com.microsoft"), ("Sigmoid", "")])
def test_a_quantiser_behind_the_probabilities_is_left_out_with_them(tmp_path: Path, ending: str, domain: str) -> None:
    """As onnxruntime's quantiser and TFLite write it; probabilities that it makes the same are no disagreement."""
    model = hidden()
    model.add("Mul", 0.25)
    model.add(ending)
    scale, zero = model.constant(1 / 64), model.constant(-64, np.int8)
    model.add("QuantizeLinear", scale, zero, domain=domain)
    model.add("DequantizeLinear", scale, zero, domain=domain)
    path = model.save(tmp_path)
    deployment = compile(path, target="host", input_type="bits")
    network = deployment.mapped.network
    assert network.ends_in == "classes" and "the final quantiser" in network.notes[-1]
    x = random_inputs(network, 0, 200)
    probabilities = onnxruntime_values(path, x)[model.last]
    assert np.any((probabilities == probabilities.max(axis=1, keepdims=True)).sum(axis=1) > 1)
    emulation = deployment.emulate((x, np.zeros(200)), model=path)
    assert emulation.executors_agree and emulation.agreement["onnxruntime-fast"].compared == 200


@pytest.mark.parametrize("zero", [np.uint16(32768), np.int16(0)])
def test_a_quantiser_of_16_bits_behind_the_scores_is_left_out(tmp_path: Path, zero: np.integer[Any]) -> None:
    """Steps are counted for 8 bits; scores that it makes the same are no disagreement."""
    model = Model((40,), opset=21)
    model.add("MatMul", signs(0, 40, 5))
    model.add("Mul", np.array([0.1, 0.2, 0.3, 0.4, 0.5]))
    scale, name = model.constant(1 / 8), model.constant(zero, zero.dtype)
    model.add("QuantizeLinear", scale, name)
    model.add("DequantizeLinear", scale, name)
    path = model.save(tmp_path)
    deployment = compile(path, target="host", input_type="bits")
    network = deployment.mapped.network
    assert network.ends_in == "classes" and any("the answer is what it rounds" in note for note in network.notes)
    x = random_inputs(network, 0, 100)
    assert deployment.emulate((x, np.zeros(100)), model=path).executors_agree
    model.add("ArgMax", axis=1)
    with pytest.raises(ModelError, match=r"ArgMax.*rounded, of which several can be the same"):
        read_network(model.save(tmp_path), OPTIONS)


def test_a_quantiser_of_16_bits_inside_the_network_is_refused(tmp_path: Path) -> None:
    model = dense()
    scale, zero = model.constant(1 / 8), model.constant(0, np.int16)
    model.add("QuantizeLinear", scale, zero)
    model.add("DequantizeLinear", scale, zero)
    model.add("MatMul", signs(1, 3, 2))
    with pytest.raises(ModelError, match=r"QuantizeLinear.*values of 16 bits"):
        read_network(model.save(tmp_path), OPTIONS)


def test_a_model_may_end_in_the_integers_of_its_probabilities(tmp_path: Path) -> None:
    model = hidden()
    model.add("Softmax")
    model.add("QuantizeLinear", 1 / 256, model.constant(0, np.uint8))
    proto = model.proto()
    proto.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    path = tmp_path / "model.onnx"
    onnx.save(proto, path)
    deployment = compile(path, target="host", input_type="bits")
    x = random_inputs(deployment.mapped.network, 0, 50)
    assert deployment.emulate((x, np.zeros(50)), model=path).executors_agree


@pytest.mark.parametrize(
    ("behind", "reason"),
    [
        ("ArgMax", "several can be the same; compare the scores before they are rounded"),
        ("Relu", "Softmax.* inside the network"),
    ],
)
def test_what_does_not_keep_the_order_behind_probabilities_is_refused(tmp_path: Path, behind: str, reason: str) -> None:
    model = hidden()
    model.add("Softmax")
    scale, zero = model.constant(1 / 256), model.constant(0, np.uint8)
    model.add("QuantizeLinear", scale, zero)
    model.add("DequantizeLinear", scale, zero)
    model.add(behind, **({"axis": 1} if behind == "ArgMax" else {}))
    with pytest.raises(ModelError, match=reason):
        read_network(model.save(tmp_path), OPTIONS)


def test_a_quantiser_that_turns_the_order_behind_probabilities_is_refused(tmp_path: Path) -> None:
    model = hidden()
    model.add("Softmax")
    model.add("QuantizeLinear", -1 / 256, model.constant(0, np.int8))
    with pytest.raises(ModelError, match="let the model end in that operator"):
        read_network(model.save(tmp_path), OPTIONS)


def test_a_model_that_ends_in_a_dequantiser_rounds_as_float32_does(tmp_path: Path) -> None:
    """Integers times a scale that float32 does not hold: equal to the model's but for the rounding of the product."""
    model = dense()
    scale, zero = model.constant(0.0706), model.constant(np.array(0), np.int8)
    model.add("QuantizeLinear", scale, zero)
    model.add("DequantizeLinear", scale, zero)
    path = model.save(tmp_path)
    network = read_network(path, OPTIONS)
    x = random_inputs(network, 0, 200)
    differences = interpret(network, x) * network.output.scale - onnxruntime_values(path, x)[model.last]
    assert 0 < np.abs(differences).max() <= network.score_error < 1e-5


def _own_shape(model: Model) -> None:
    last = model.last
    model.add("Reshape", inputs=[last, model.add("Shape")])


MOVES = {
    "Flatten": lambda model: model.add("Flatten"),
    "Reshape": lambda model: model.add("Reshape", model.constant([0, 1, -1], np.int64)),
    "Unsqueeze": lambda model: model.add("Unsqueeze", model.constant([2], np.int64)),
    "the batch taken away": lambda model: model.add("Reshape", model.constant([-1], np.int64)),
    "its own shape": _own_shape,
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("ending", ["Softmax", "Elu", None])
def test_other_axes_behind_the_scores_change_no_answer(tmp_path: Path, move: str, ending: str | None) -> None:
    model = Model((8,), batch=1)
    model.add("MatMul", signs(0, 8, 3))
    plain = model.save(tmp_path, "plain.onnx")
    if ending is not None:
        model.add(ending)
    MOVES[move](model)
    network = read_network(model.save(tmp_path), OPTIONS)
    x = random_inputs(network, 0, 20)
    assert network.ends_in == ("scores" if ending is None else "classes")
    assert np.array_equal(interpret(network, x).reshape(20, 3), interpret(read_network(plain, OPTIONS), x))


def test_a_model_of_one_sample_may_answer_without_its_axis(tmp_path: Path) -> None:
    model = Model((8,), batch=1)
    model.add("MatMul", signs(0, 8, 3))
    model.add("Elu")
    model.add("Reshape", model.constant([-1], np.int64))
    path = model.save(tmp_path)
    deployment = compile(path, target="host", input_type="bits")
    x = random_inputs(deployment.mapped.network, 0, 20)
    emulation = deployment.emulate((x, np.zeros(20)), model=path)
    assert emulation.executors_agree and emulation.agreement["onnxruntime-fast"].compared == 20


def test_samples_that_are_mixed_at_the_end_are_refused(tmp_path: Path) -> None:
    model = Model((8,), batch=2)
    model.add("MatMul", signs(0, 8, 3))
    model.add("Softmax")
    model.add("Reshape", model.constant([-1], np.int64))
    with pytest.raises(ModelError, match="leaves no axis behind the batch"):
        read_network(model.save(tmp_path), OPTIONS)


def test_the_class_may_be_cast_and_reshaped(tmp_path: Path) -> None:
    model = hidden()
    model.add("ArgMax", axis=1, keepdims=0)
    model.add("Cast", to=onnx.TensorProto.INT32)
    model.add("Reshape", model.constant([-1, 1], np.int64))
    proto = model.proto()
    proto.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.INT32
    path = tmp_path / "model.onnx"
    onnx.save(proto, path)
    deployment = compile(path, target="host", input_type="bits")
    x = random_inputs(deployment.mapped.network, 0, 50)
    emulation = deployment.emulate((x, np.zeros(50)), model=path)
    assert emulation.executors_agree and emulation.agreement["onnxruntime-fast"].compared == 50


@pytest.mark.parametrize(
    ("operators", "taken"),
    [
        (["Elu", "Softmax"], True),
        (["Sigmoid", "Log"], True),
        (["Softmax", "Log", "ArgMax"], True),
        (["Gelu"], False),
        (["HardSwish", "Softmax"], False),
        (["ArgMax", "Softmax"], False),
    ],
)
def test_functions_that_only_rise_are_left_out_one_behind_the_other(
    tmp_path: Path, operators: list[str], taken: bool
) -> None:
    model = Model((8,), opset=20)
    model.add("MatMul", signs(0, 8, 3))
    for operator in operators:
        model.add(operator, **({"axis": 1} if operator == "ArgMax" else {}))
    path = model.save(tmp_path)
    if taken:
        assert len([note for note in read_network(path, OPTIONS).notes if "is left out" in note]) == len(operators)
    else:
        with pytest.raises(ModelError, match=r"ends in a curve|inside the network|end of a model"):
            read_network(path, OPTIONS)
