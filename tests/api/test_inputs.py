"""What the Python API takes for a model's input: integers of a scale, the model's own real numbers, its own axes."""

from __future__ import annotations

import tracemalloc
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import edgebnn
from edgebnn.api import Deployment
from edgebnn.errors import DataError, ModelError
from tests.frontend.onnx_models import Model, dense, signs
from tests.frontend.seeds import channels_last, quantised


def options_of(model: Path, **options: object) -> str:
    deployment = edgebnn.compile(model, "host", **options)  # type: ignore[arg-type]
    return deployment.mapped.provenance.options


@pytest.mark.parametrize("scale", ["1/255", Fraction(1, 255)])
def test_a_scale_is_a_text_or_a_number(tmp_path: Path, scale: object) -> None:
    path = dense().save(tmp_path)
    assert options_of(path, input_type="uint8", input_scale=scale).endswith("--input-type uint8 --input-scale 1/255")
    assert options_of(path, input_type="uint8", input_scale=0.5).endswith(" --input-scale 1/2")


@pytest.mark.parametrize("scale", ["0", "-1", "1/0", "a", "", "nan", 0.0, float("inf"), "1" * 50])
def test_what_is_no_scale_is_refused(tmp_path: Path, scale: object) -> None:
    with pytest.raises(ModelError, match=r"write it as 1/255 or 0\.005"):
        options_of(dense().save(tmp_path), input_scale=scale)


def test_integers_and_what_they_are_worth_are_the_same_samples(tmp_path: Path) -> None:
    deployment = edgebnn.compile(dense().save(tmp_path), "host", input_type="uint8", input_scale="1/255")
    integers = np.random.default_rng(0).integers(0, 256, (9, 8)).astype(np.uint8)
    real = integers.astype(np.float32) / np.float32(255)
    with pytest.warns(UserWarning, match="input 'x' are uint8, taken as the sensor's integers times 0.00392157"):
        scores = deployment.run(integers)
    assert np.array_equal(scores, deployment.run(real))
    assert np.array_equal(deployment.run(real[0]), deployment.run(real[:1]))
    assert np.array_equal(deployment.run(real.tolist()), deployment.run(real))
    with pytest.raises(DataError, match=r"integers times 0\.00392157"):
        deployment.run(real * 0.7)


def test_real_samples_go_through_the_models_own_quantiser(tmp_path: Path) -> None:
    deployment = edgebnn.compile(quantised().save(tmp_path), "host")
    x = np.random.default_rng(0).normal(0, 4, (7, 2, 8)).astype(np.float32)
    assert np.array_equal(deployment.run(x[3]), deployment.run(x)[3:4])
    assert np.array_equal(deployment.run(x.astype(np.float64)), deployment.run(x))


def test_samples_have_the_models_own_axes(tmp_path: Path) -> None:
    deployment = edgebnn.compile(channels_last().save(tmp_path), "host", input_type="int8")
    x = np.random.default_rng(0).integers(-128, 128, (5, 6, 6, 2)).astype(np.int8)
    assert np.array_equal(deployment.run(x[2]), deployment.run(x)[2:3])
    with pytest.raises(DataError, match=r"\(batch, 6, 6, 2\)"):
        deployment.run(np.moveaxis(x, -1, 1))
    with pytest.raises(DataError, match=r"\(batch, 6, 6, 2\)"):
        deployment.run(np.moveaxis(x[0], -1, 0))


def test_calibration_data_are_told_apart_in_the_provenance(tmp_path: Path) -> None:
    path = dense().save(tmp_path)
    ones, twos = np.ones((4, 8), np.uint8), np.full((4, 8), 2, np.uint8)
    said = [options_of(path, calibration=samples) for samples in (ones, ones.tolist(), twos, ones)]
    assert said[0] == said[3] != said[2] and "--calibration sha256:" in said[0]
    assert said[0] != said[1]  # a list is of int64, and types the input differently


def float_layers() -> Model:
    model = Model((8,))
    model.add("MatMul", np.random.default_rng(0).normal(size=(8, 6)))
    model.sign()
    model.add("MatMul", signs(1, 6, 3))
    return model


def test_an_input_type_beside_calibration_data_is_for_float_layers(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (40, 8)).astype(np.float32)
    deployment = edgebnn.compile(float_layers().save(tmp_path), "host", input_type="uint8", calibration=x)
    network = deployment.mapped.network
    assert (network.inputs[0].tensor.low, network.inputs[0].tensor.high) == (0, 255) and network.quantised == (
        "node_matmul_0",
    )
    with pytest.raises(DataError, match="both say what the input holds"):
        edgebnn.compile(dense().save(tmp_path), "host", input_type="uint8", calibration=x)


def test_calibration_data_that_are_no_numbers(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no numbers"):
        edgebnn.compile(dense().save(tmp_path), "host", calibration=["a"])


@pytest.fixture(scope="module")
def deployments(tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, ...]:
    """Of integers, of integers with a scale, and of real numbers that the model quantises."""
    folder = tmp_path_factory.mktemp("models")
    plain = dense().save(folder)
    return (
        edgebnn.compile(plain, "host", input_type="int8"),
        edgebnn.compile(plain, "host", input_type="uint8", input_scale="1/255"),
        edgebnn.compile(quantised().save(folder, "quantised.onnx"), "host"),
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("on", ["fast", "reference"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e308, -1e308, 1e39, 2.0**64, 1e-320])
def test_numbers_of_any_size_are_samples_or_one_sentence_and_no_warning(
    deployments: tuple[Deployment, ...], value: float, on: str
) -> None:
    integers = [np.array(np.iinfo(dtype).max, dtype) for dtype in (np.int64, np.uint64)]
    with np.errstate(all="ignore"):
        numbers = [np.array(value).astype(dtype) for dtype in (np.float64, np.float32, np.float16)] + integers
    for deployment in deployments:
        for number in numbers:
            try:
                scores = deployment.run(np.full((3, *deployment.mapped.network.inputs[0].model_shape), number), on=on)
            except DataError:
                continue
            assert np.isfinite(scores).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (np.full(3, 2**64 - 1, np.uint64), "18446744073709551615"),
        (np.full(3, -(2**63)), "-9223372036854775808"),
        (np.full(3, 1e300), r"1e\+300"),
        (np.full(3, 3.0), "3"),
        (np.full(3, 3.0, np.float16), "3"),
        (np.full(3, -1), "-1"),
    ],
)
def test_a_label_that_is_no_class_is_shown_as_what_it_is(
    deployments: tuple[Deployment, ...], labels: np.ndarray, shown: str
) -> None:
    with pytest.raises(DataError, match=rf"the labels run from {shown} to {shown}[;,].* give the index"):
        deployments[0].emulate((np.ones((3, 8), np.int8), labels))


@pytest.mark.parametrize("on", ["fast", "reference"])
def test_arrays_that_are_no_plain_ones(deployments: tuple[Deployment, ...], on: str) -> None:
    plain = deployments[0]
    (entry,) = plain.mapped.network.inputs
    x = np.random.default_rng(0).integers(-128, 128, (3, 8)).astype(np.int8)
    named = np.zeros(3, [(entry.name, np.int8, (8,))])
    named[entry.name] = x
    expected = plain.run(x, on=on)
    for same in (named, named.view(np.recarray), np.ma.array(x), np.asfortranarray(x.astype(">f8"))):
        assert np.array_equal(plain.run(same, on=on), expected)
    for strange, said in (
        (np.zeros((3, 8), [("a", "i1"), ("b", "f4")]), r"no field '\w+' \(they have: a, b\)"),
        (np.ma.array(x, mask=x > 100), "some of the data are masked"),
        (np.ma.array(named, mask=np.ones(3, bool)), "some of the data are masked"),
        ({entry.name: np.ma.array(x, mask=x > 100)}, "some of the data are masked"),
        ({"z": x}, r"no array '\w+'.* \(there is: z\)"),
    ):
        with pytest.raises(DataError, match=said):
            plain.run(strange, on=on)
    with pytest.raises(DataError, match="masked"):
        plain.emulate((x, np.ma.array([0, 1, 1], mask=[True, False, False])))


@pytest.mark.parametrize("dtype", [np.int8, np.float16])
def test_labels_that_are_too_many_are_refused_before_they_are_looked_at(
    deployments: tuple[Deployment, ...], dtype: type
) -> None:
    labels = np.broadcast_to(np.zeros(1, dtype), (1 << 14, 1 << 12))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"labels have the shape \(16384, 4096\) for 3 samples"):
            deployments[0].dataset(np.ones((3, 8), np.int8), labels)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_sensors_integers_for_a_model_of_real_numbers_draw_a_warning(tmp_path: Path) -> None:
    deployment = edgebnn.compile(quantised().save(tmp_path), "host")
    with pytest.warns(UserWarning, match="the data are uint8, but input 'x' takes real numbers"):
        deployment.run(np.full((1, 2, 8), 200, np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        deployment.run(np.ones((1, 2, 8)).tolist())


def test_an_offset_is_a_text_or_a_number(tmp_path: Path) -> None:
    path = dense().save(tmp_path)
    for offset in ("-1/2", Fraction(-1, 2), -0.5):
        assert options_of(path, input_type="uint8", input_offset=offset).endswith(" --input-offset -1/2")
