"""Only channels that count as ambiguous differ from onnxruntime: with steps put at the very sums that occur, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.thresholds import thresholds
from edgebnn.frontend.thresholds.ambiguous_channels import Doubt
from edgebnn.network.interpreter import trace
from edgebnn.network.types import Threshold
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Model, signs

Flags = npt.NDArray[np.bool_]
CHANNELS, INPUTS, SAMPLES = 24, 9, 3000
OPTIONS = ReadOptions("int4")
KINDS = ["norms", "three norms", "levels", "PRelu", "scaled weights", "means", "difference", "bytes"]


def norm(model: Model, rng: np.random.Generator, size: float) -> None:
    model.batch_norm(
        rng.normal(1, 0.4, CHANNELS) * rng.choice([-1, 1], CHANNELS),
        rng.normal(0, 0.5, CHANNELS),
        rng.normal(0, 2, CHANNELS),
        size * rng.uniform(0.5, 2, CHANNELS),
    )


def levels(model: Model, rng: np.random.Generator, most: float) -> None:
    """Levels up to `most` of an odd scale, as QuantizeLinear and DequantizeLinear make them."""
    scale = model.constant(np.float32(rng.uniform(0.2, 0.9) / most))
    zero = model.constant(0, np.int8)
    model.add("Clip", -1.0, 1.0)
    model.add("QuantizeLinear", inputs=[model.last, scale, zero])
    model.add("DequantizeLinear", inputs=[model.last, scale, zero])


def branch(model: Model, kind: str, seed: int, size: float) -> None:
    """A layer of weights and what is computed of its sums before they are added."""
    rng = np.random.default_rng(seed)
    inputs = INPUTS if model.last == "x" else CHANNELS
    weights = signs(seed, CHANNELS, inputs, 1, 1)
    if kind == "scaled weights":
        weights = weights * rng.uniform(0.1, 1, (CHANNELS, 1, 1, 1)).astype(np.float32)
    model.add("Conv", weights)
    norm(model, rng, size)
    if kind in ("levels", "bytes"):
        levels(model, rng, 1 if kind == "levels" else 60)
    if kind == "PRelu":
        model.add("PRelu", rng.uniform(0, 0.5, (CHANNELS, 1, 1)))


def residual(kind: str, seed: int) -> Model:
    """Branches that are added, and the map averaged where the kind says so."""
    model = Model((INPUTS, 2, 2))
    branch(model, kind, 100 * seed, 200)
    for number in range(2 if kind == "three norms" else 1):
        before = model.last
        model.sign(at_least=True)
        branch(model, kind, 100 * seed + number + 1, CHANNELS)
        model.add("Sub" if kind == "difference" else "Add", inputs=[model.last, before])
    if kind == "means":
        model.add("GlobalAveragePool")
    return model


def inputs(seed: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).integers(-8, 8, (SAMPLES, INPUTS, 2, 2)).astype(np.float32)


def ended(model: Model, steps: npt.NDArray[np.float32]) -> Model:
    """The model with a sign of what lies above the steps (C,), and scores."""
    model.add("Sub", steps.reshape(-1, 1, 1))
    model.sign(at_least=True)
    model.add("GlobalMaxPool")
    model.add("Flatten")
    model.add("Gemm", signs(9, CHANNELS, 3))
    return model


def compared(path: Path, x: npt.NDArray[np.float32], monkeypatch: pytest.MonkeyPatch) -> tuple[Flags, Flags]:
    """(channels that differ from onnxruntime in the last steps, channels that count as ambiguous there)."""
    found: list[Flags] = []
    real = thresholds.ambiguous_channels

    def noted(*operands: object) -> Doubt:
        doubt = real(*operands)  # type: ignore[arg-type]
        found.append(doubt.ambiguous)
        return doubt

    monkeypatch.setattr(thresholds, "ambiguous_channels", noted)
    network = read_network(path, OPTIONS)
    ours, theirs = trace(network, x), onnxruntime_values(path, x)
    steps = [node for node in network.nodes if isinstance(node, Threshold)]
    same = np.ones(len(x), np.bool_)  # samples of which every step before is the model's own
    for step, flags in zip(steps, found, strict=True):
        assert step.ambiguous == flags.sum()
        values = ours[step.output.name] * step.output.scale
        different = np.abs(values - theirs[step.output.name].reshape(values.shape)) > 1e-3
        different = different.reshape(*different.shape[:2], -1)[same]
        if step is steps[-1]:
            return different.any(axis=(0, 2)), flags
        assert not np.any(different.any(axis=(0, 2)) & ~flags)
        same[same] = ~different.any(axis=(1, 2))
    raise AssertionError("no step")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_steps_at_sums_that_occur(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, seed: int) -> None:
    """Every step lies at float32's own value of a sum, or at the next number: these are as near as sums come."""
    x, rng = inputs(seed), np.random.default_rng(seed)
    before = residual(kind, seed)
    values = onnxruntime_values(before.save(tmp_path), x)[before.last].astype(np.float32)
    chosen = values[rng.integers(SAMPLES, size=CHANNELS), np.arange(CHANNELS), 0, 0]
    beside = np.nextafter(chosen, np.float32(np.inf) * rng.choice([-1, 1], CHANNELS).astype(np.float32))
    steps = np.where(rng.random(CHANNELS) < 0.5, chosen, beside).astype(np.float32)
    path = ended(residual(kind, seed), steps).save(tmp_path)
    different, ambiguous = compared(path, x, monkeypatch)
    assert not np.any(different & ~ambiguous), (np.flatnonzero(different), np.flatnonzero(ambiguous))


@pytest.mark.parametrize("kind", ["norms", "three norms", "levels", "bytes", "PRelu", "difference"])
def test_few_channels_are_ambiguous_where_branches_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    steps = np.random.default_rng(5).normal(0, 0.5, CHANNELS).astype(np.float32)
    different, ambiguous = compared(ended(residual(kind, 5), steps).save(tmp_path), inputs(5), monkeypatch)
    assert not np.any(different & ~ambiguous) and ambiguous.mean() <= 0.1


@pytest.mark.parametrize("factor", [0.5, 4, 3, 0.75])
def test_branches_whose_scales_have_a_common_grid_are_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    """A scale for each channel, powers of two, of either sign, and a small ratio between the branches."""
    rng = np.random.default_rng(int(8 * factor))
    scales = 2.0 ** rng.integers(-3, 4, (CHANNELS, 1, 1)) * rng.choice([-1, 1], (CHANNELS, 1, 1))
    model = Model((INPUTS, 2, 2))
    model.add("Conv", signs(1, CHANNELS, INPUTS, 1, 1))
    before = model.add("Mul", scales)
    model.sign(at_least=True)
    model.add("Conv", signs(2, CHANNELS, CHANNELS, 1, 1))
    model.add("Mul", factor * scales[::-1])
    model.add("Add", inputs=[model.last, before])
    path = ended(model, np.zeros(CHANNELS, np.float32)).save(tmp_path)
    different, ambiguous = compared(path, inputs(1), monkeypatch)
    assert not different.any() and not ambiguous.any()
    assert not any(node.name.endswith(".fixed") for node in read_network(path, OPTIONS).nodes)


def ended_after(model: Model, features: int) -> Model:
    """A binary layer with a sign on what the model makes of its input, and scores."""
    model.add("MatMul", signs(0, features, 32))
    model.sign(at_least=True)
    model.add("MatMul", signs(1, 32, 3))
    return model


def of_bytes(path: Path, features: int) -> tuple[Threshold, Flags]:
    """The only step, and its channels (C,) in which onnxruntime differs for random bytes."""
    network = read_network(path, ReadOptions("uint8"))
    (step,) = (node for node in network.nodes if isinstance(node, Threshold))
    x = np.random.default_rng(0).integers(0, 256, (4000, features)).astype(np.uint8)
    values = trace(network, x)[step.output.name] * step.output.scale
    return step, (np.abs(values - onnxruntime_values(path, x)[step.output.name]) > 1e-3).any(axis=0)


@pytest.mark.parametrize("steps", [("Mul", "Div"), ("Div", "Mul"), ("Add", "Sub")])
def test_operators_that_only_cancel_one_another_in_exact_arithmetic_count(
    steps: tuple[str, str], tmp_path: Path
) -> None:
    """(x * 0.3) / 0.3 is x, and in float32 not always: sums that are 0 fall to either side."""
    model = Model((16,))
    for operator in steps:
        model.add(operator, 0.3)
    step, different = of_bytes(ended_after(model, 16).save(tmp_path), 16)
    assert step.ambiguous == len(different) and step.roundings
    assert bool(different.any()) or steps == ("Add", "Sub")


@pytest.mark.parametrize(("factor", "offset"), [(1, 0.0), (1, 0.5), (7, 0.0)])
def test_features_with_scales_of_powers_of_two_are_exact(factor: int, offset: float, tmp_path: Path) -> None:
    """Each feature has its own: all products and their sums are numbers that float32 holds, in any order."""
    rng = np.random.default_rng(1)
    model = Model((16,))
    model.add("Mul", factor * 2.0 ** rng.integers(-3, 4, 16))
    model.add("Add", offset * rng.integers(-8, 9, 16))
    step, different = of_bytes(ended_after(model, 16).save(tmp_path), 16)
    assert step.ambiguous == 0 and not different.any()
