"""Models with several inputs: each has its own integers, and activations and scores are onnxruntime's."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgebnn.errors import DataError, ModelError
from edgebnn.frontend import PerInput, ReadOptions, read_network
from tests.frontend.comparison import assert_same_as_onnxruntime
from tests.frontend.onnx_models import Model, signs
from tests.frontend.several_inputs import (
    added,
    channels_last,
    ending,
    features_and_intervals,
    integers,
    joined,
    quantised,
    read_twice,
    wearable,
)


@pytest.mark.parametrize("scale", [Fraction(1), Fraction(1, 64)])
@pytest.mark.parametrize("model", [added, joined, features_and_intervals, read_twice, channels_last, wearable])
def test_they_are_what_the_model_computes(model: Callable[[], Model], scale: Fraction, tmp_path: Path) -> None:
    one, other = (entry.name for entry in model().inputs)
    options = ReadOptions(PerInput("int12", {other: "uint8"}), PerInput(None, {other: scale}))
    inputs = assert_same_as_onnxruntime(model().save(tmp_path), options).network.inputs
    assert [(entry.name, entry.tensor.high, entry.tensor.scale) for entry in inputs] == [
        (one, 2047, 1),
        (other, 255, scale),
    ]


@pytest.mark.parametrize("scale", [Fraction(1), Fraction(1, 64)])
def test_a_layer_reads_joined_integers_of_several_scales(scale: Fraction, tmp_path: Path) -> None:
    """Signs and multiples of 1/64 meet on one grid, and the layer's weights stay binary."""
    options = ReadOptions(PerInput("int12", {"y": "uint8"}), PerInput(None, {"y": scale}))
    compared = assert_same_as_onnxruntime(features_and_intervals().save(tmp_path), options, batch=200)
    assert compared.excused == 0 and compared.scores_compared
    assert compared.network.linear[1].weight_kind == "binary"


@pytest.mark.parametrize("model", [quantised, integers])
def test_each_has_the_encoding_that_the_model_gives_it(model: Callable[[], Model], tmp_path: Path) -> None:
    one, other = assert_same_as_onnxruntime(model().save(tmp_path), ReadOptions()).network.inputs
    if model is integers:
        assert (one.tensor.low, one.tensor.high, other.tensor.low, other.tensor.high) == (0, 255, -32768, 32767)
    else:
        assert one.tensor.kind == other.tensor.kind == "bits"
        assert one.encoding.quantizer is not None and other.encoding.quantizer is not None


def test_a_quantiser_of_one_input_leaves_the_other_alone(tmp_path: Path) -> None:
    model = quantised()
    scores, model.last = model.last, "x"
    model.add("Add", inputs=[scores, model.add("MatMul", signs(11, 6, 3))])
    one, other = assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions()).network.inputs
    assert one.encoding.quantizer is None and other.encoding.quantizer is not None


def test_an_input_without_influence_is_left_out_and_named(tmp_path: Path) -> None:
    model = wearable()
    model.input("position", 3)
    model.last = model.nodes[-1].output[0]
    network = read_network(model.save(tmp_path), ReadOptions("int8"))
    assert [entry.name for entry in network.inputs] == ["window", "rr"]
    assert "does not depend on input 'position', which was left out" in network.notes[0]


def test_an_input_whose_shape_alone_is_read_is_taken_and_named(tmp_path: Path) -> None:
    model = Model((6,), batch=1)
    shape = model.add("Shape", inputs=[model.input("y", 6, batch=1)])
    model.add("Reshape", inputs=["x", shape])
    network = assert_same_as_onnxruntime(ending(model, 6).save(tmp_path), ReadOptions("int8"), batch=1).network
    assert [entry.name for entry in network.inputs] == ["x", "y"]
    assert "the values of input 'y' change no score" in " ".join(network.notes)


def test_constants_that_are_listed_as_inputs_are_none(tmp_path: Path) -> None:
    model = wearable()
    model.inputs += [
        helper.make_tensor_value_info(each.name, TensorProto.FLOAT, list(each.dims)) for each in model.constants
    ]
    assert len(assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions("int8")).network.inputs) == 2


def test_calibration_data_go_by_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples = {"rr": rng.integers(0, 9, (40, 4)), "window": rng.integers(-100, 100, (40, 1, 30)), "y": np.zeros(40)}
    path = wearable().save(tmp_path)
    window, intervals = (entry.tensor for entry in read_network(path, ReadOptions(calibration=samples)).inputs)
    assert (window.low, window.high, intervals.low, intervals.high) == (-128, 127, 0, 15)
    for wrong, said in (
        ({"window": samples["window"]}, "no array 'rr'"),
        (samples | {"rr": samples["rr"][:9]}, "40 of 'window', 9 of 'rr'"),
        (samples["window"], "2 inputs: 'window'"),
    ):
        with pytest.raises(DataError, match=said):
            read_network(path, ReadOptions(calibration=wrong))


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (
            lambda model: model,
            ReadOptions(PerInput(named={"r": "int8"})),
            "no input 'r' to say something of, but 'window'",
        ),
        (lambda model: _batches(model, 2, 3), ReadOptions(), "'window' takes 2 samples at once and input 'rr' 3"),
        (lambda model: wearable("a\x1b", "a\x1a"), ReadOptions(), r"names are both shown as 'a\?'"),
        (lambda model: _scalar(model), ReadOptions(), "input 'rr' has 1 axes"),
        (
            lambda model: joined(),
            ReadOptions(PerInput("int16", {"y": "uint16"})),
            "from -32768 to 65535, which",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(
    change: Callable[[Model], Model], options: ReadOptions, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=said):
        read_network(change(wearable()).save(tmp_path), options)


def _batches(model: Model, *sizes: int) -> Model:
    for entry, size in zip(model.inputs, sizes, strict=True):
        entry.type.tensor_type.shape.dim[0].dim_value = size
    return model


def _scalar(model: Model) -> Model:
    del model.inputs[1].type.tensor_type.shape.dim[0]
    return model
