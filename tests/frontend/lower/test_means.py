"""Means behind scales and offsets: the integers are pooled, so that a mean that is exactly 0 is 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edgebnn.frontend import ReadOptions, read_network
from edgebnn.network.interpreter import trace
from edgebnn.network.network import Network
from edgebnn.network.types import Affine, SumPool, Threshold
from tests.frontend.comparison import assert_same_as_onnxruntime, onnxruntime_values
from tests.frontend.onnx_models import Model, signs

Values = npt.NDArray[np.float64]

CHANNELS, EXTENT, SAMPLES = 6, 6, 400
SMALL = ReadOptions("int3")  # sums of few values, so that zeros and ties are many


def scaled(model: Model, rng: np.random.Generator, step: str, x: Values) -> Values:
    """One linear operator with a number for each channel, and what it makes of x in float64."""
    numbers = (rng.uniform(0.1, 2, (CHANNELS, 1, 1)) * rng.choice([-1, 1], (CHANNELS, 1, 1))).astype(np.float32)
    exact = numbers.astype(np.float64)
    match step:
        case "Norm":
            mean, variance = rng.integers(-2, 3, CHANNELS).astype(np.float32), np.float32(rng.uniform(0.5, 4, CHANNELS))
            model.batch_norm(numbers.ravel(), np.zeros(CHANNELS), mean, variance)
            factor = numbers.ravel() * (np.float32(1) / np.sqrt(variance + np.float32(1e-5)))
            shift = -mean * factor  # in float32, as the model has it
            return x * factor.astype(np.float64).reshape(-1, 1, 1) + shift.astype(np.float64).reshape(-1, 1, 1)
        case "Neg":
            model.add("Neg")
            return -x
        case "Dyadic":
            exact = 2.0 ** rng.integers(-3, 3, (CHANNELS, 1, 1)) * np.sign(exact)
            model.add("Mul", exact)
            return x * exact
        case "Whole":
            exact = rng.integers(-3, 4, (CHANNELS, 1, 1)).astype(np.float64)
            model.add("Add", exact)
            return x + exact
        case "Mul":
            model.add("Mul", numbers)
            return x * exact
        case "Div":
            model.add("Div", numbers)
            return x / exact
    model.add("Add", numbers)
    return x + exact


def pooled(model: Model, kind: str, x: Values) -> Values:
    """A linear pool, and the means in float64."""
    match kind:
        case "Global":
            model.add("GlobalAveragePool")
            return x.mean(axis=(2, 3), keepdims=True)
        case "Reduced":
            model.add("ReduceMean", axes=[2, 3], keepdims=1)
            return x.mean(axis=(2, 3), keepdims=True)
        case "Rows":
            model.add("ReduceMean", axes=[3], keepdims=1)
            return x.mean(axis=3, keepdims=True)
        case "Padded":
            model.add("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
            around = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
            return np.lib.stride_tricks.sliding_window_view(around, (3, 3), (2, 3)).mean(axis=(4, 5))
    side, cuts = int(kind), EXTENT // int(kind)
    model.add("AveragePool", kernel_shape=[side, side], strides=[side, side])
    return x.reshape(*x.shape[:2], cuts, side, cuts, side).mean(axis=(3, 5))


def inputs() -> Values:
    """Small integers, of which every second sample's channels have a mean near 0."""
    x = np.random.default_rng(0).integers(-2, 3, (SAMPLES, 2, EXTENT, EXTENT)).astype(np.float64)
    x[::2] -= np.rint(x[::2].mean(axis=(2, 3), keepdims=True))
    return np.clip(x, -4, 3)


def signed_mean(
    before: tuple[str, ...], kind: str, behind: tuple[str, ...], at_least: bool, of_signs: bool
) -> tuple[Model, Values]:
    """A model, and the signs behind its means, from float64: far closer than what is not 0 lies to 0."""
    rng = np.random.default_rng(len(before) + 10 * len(behind))
    model, weights = Model((2, EXTENT, EXTENT)), signs(1, CHANNELS, 2, 1, 1)
    model.add("Conv", weights)
    values = np.einsum("bihw,oi->bohw", inputs(), weights[:, :, 0, 0].astype(np.float64))
    if of_signs:
        model.sign()
        values = np.sign(values)
    for step in before:
        values = scaled(model, rng, step, values)
    values = pooled(model, kind, values)
    for step in behind:
        values = scaled(model, rng, step, values)
    model.sign(at_least)
    model.add("Flatten")
    model.add("Gemm", signs(9, values[0].size, 3))
    values = np.where(np.abs(values) < 1e-12, 0, np.sign(values))
    return model, np.where(values >= 0, 1, -1) if at_least else values


def turned(network: Network, path: Path, expected: Values) -> tuple[int, int]:
    """Steps that differ from the exact ones, and channels that are ambiguous: onnxruntime differs in these alone."""
    ours, theirs = trace(network, inputs()), onnxruntime_values(path, inputs())
    last = [node for node in network.nodes if isinstance(node, Threshold)][-1]
    real = ours[last.output.name] * last.output.scale
    different = real != theirs[last.output.name].reshape(real.shape)
    assert np.count_nonzero(different.any(axis=(0, *range(2, different.ndim)))) <= last.ambiguous
    return int(np.count_nonzero(real != expected.reshape(real.shape))), last.ambiguous


BEFORE = [("Mul",), ("Mul", "Mul"), ("Div",), ("Neg", "Mul"), ("Norm",), ("Mul", "Add"), ("Dyadic", "Whole"), ()]


@pytest.mark.parametrize("before", BEFORE, ids="-".join)
@pytest.mark.parametrize("kind", ["2", "3", "Global", "Reduced", "Rows", "Padded"])
@pytest.mark.parametrize("of_signs", [True, False])
def test_what_a_line_makes_of_integers_is_pooled_as_integers(
    tmp_path: Path, before: tuple[str, ...], kind: str, of_signs: bool
) -> None:
    behind = BEFORE[(BEFORE.index(before) + 3) % len(BEFORE)]
    model, expected = signed_mean(before, kind, behind, len(before + behind) % 2 == 0, of_signs)
    path = model.save(tmp_path)
    network = read_network(path, SMALL)
    different, _ = turned(network, path, expected)
    if kind == "Padded" and {"Norm", "Add", "Whole"} & {*before}:  # its zeros are no integers of a line with an offset
        return
    assert different == 0
    (mean,) = (node for node in network.nodes if isinstance(node, SumPool))
    assert not any(isinstance(node, Affine) and node.output.name in mean.sources for node in network.nodes)


@pytest.mark.parametrize("kind", ["2", "3", "Global", "Padded"])
def test_exact_sums_divided_leave_nothing_ambiguous(tmp_path: Path, kind: str) -> None:
    """onnxruntime adds integers and eighths exactly and divides once, which is computed as it does."""
    model, expected = signed_mean(("Dyadic",), kind, ("Mul", "Add"), True, False)
    path = model.save(tmp_path)
    assert turned(read_network(path, SMALL), path, expected) == (0, 0)


def test_a_zero_mean_behind_an_odd_scale_is_no_step_below(tmp_path: Path) -> None:
    """Every sample's mean is 0, of sums that a rounded scale would leave a little beside it."""
    model = Model((1, 4, 4))
    model.add("Conv", np.ones((3, 1, 1, 1)))
    model.add("Mul", np.float32([0.1, 0.7, 1.3]).reshape(3, 1, 1))
    model.add("GlobalAveragePool")
    model.add("Flatten")
    model.sign()
    model.add("Gemm", signs(1, 3, 2))
    network = read_network(model.save(tmp_path), ReadOptions("int8"))
    x = np.random.default_rng(0).integers(-100, 101, (500, 1, 4, 4)).astype(np.float32)
    x[:, :, 2:] = -x[:, :, :2]
    (step,) = (node for node in network.nodes if isinstance(node, Threshold))
    assert not trace(network, x)[step.output.name].any()


def test_a_mean_of_levels_above_zero(tmp_path: Path) -> None:
    model = Model((2, 4, 4))
    model.add("Conv", signs(1, CHANNELS, 2, 1, 1))
    above = model.add("Greater", 0.0)
    model.add("Where", inputs=[above, model.constant(2.0), model.constant(1.0)])
    model.add("GlobalAveragePool")
    model.add("Sub", 1.5)
    model.sign(at_least=True)
    model.add("Flatten")
    model.add("Gemm", signs(9, CHANNELS, 3))
    assert_same_as_onnxruntime(model.save(tmp_path), SMALL, batch=64)
