"""Random ONNX models, written node by node, against onnxruntime with its graph optimisations off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgebnn.frontend import ReadOptions
from tests.frontend.comparison import assert_same_as_onnxruntime
from tests.frontend.onnx_models import Array, Model


def weights(rng: np.random.Generator, shape: tuple[int, ...], ternary: bool, scaled: bool) -> Array:
    values = rng.choice(np.array([-1, 0, 1] if ternary else [-1, 1], np.float32), size=shape)
    scale = rng.uniform(0.05, 2, size=(shape[0], *(1,) * (len(shape) - 1))).astype(np.float32)
    return values * scale if scaled else values


def norm(draw: st.DrawFn, model: Model, rng: np.random.Generator, channels: int, rank: int) -> None:
    """What a model puts between a sum and its sign."""
    form = draw(st.sampled_from(["batch norm", "fresh", "affine", "nothing", "clip"]))
    axes = (channels, *(1,) * rank)
    if form in ("batch norm", "fresh"):
        gamma, beta, mean, variance = np.ones(channels), np.zeros(channels), np.zeros(channels), np.ones(channels)
        if form == "batch norm":
            gamma, beta = rng.normal(size=channels), rng.normal(size=channels)
            mean, variance = rng.integers(-3, 4, channels), rng.uniform(0.01, 9, channels)
            gamma[rng.random(channels) < 0.1] = 0
        model.batch_norm(gamma, beta, mean, variance)
    elif form == "affine":
        model.add("Div", rng.choice([-2, -0.3, 0.7, 3], size=axes))
        model.add("Sub", rng.integers(-2, 3, size=axes))
    elif form == "clip":
        model.add("Clip", -1.0, 1.0)


@st.composite
def models(draw: st.DrawFn) -> tuple[Model, str]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rank = draw(st.sampled_from([0, 1, 2]))
    channels = draw(st.sampled_from([1, 2, 4, 31, 33] if rank else [1, 2, 31, 33, 100, 1000]))
    spatial = tuple(draw(st.integers(3, 8)) for _ in range(rank))
    model = Model((channels, *spatial))
    input_type = draw(st.sampled_from(["bits", "trits", "uint8", "int12", "int16"]))
    if input_type == "uint8" and draw(st.booleans()):
        model.add("Div", 255.0)
    layers = draw(st.integers(1, 3))
    for layer in range(layers):
        ternary, scaled, biased = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
        neurons = draw(st.sampled_from([1, 2, 6, 32]))
        bias = [rng.normal(size=neurons) if draw(st.booleans()) else rng.integers(-2, 3, neurons)] if biased else []
        if rank and min(spatial) >= 1:
            kernel = tuple(draw(st.integers(1, min(3, extent))) for extent in spatial)
            pads = [draw(st.integers(0, k - 1)) for k in kernel * 2]
            groups = draw(st.sampled_from([1, channels] if neurons % channels == 0 else [1]))
            shape = (neurons, channels // groups, *kernel)
            model.add("Conv", weights(rng, shape, ternary, scaled), *bias, pads=pads, group=groups)
            extra = [pads[axis] + pads[rank + axis] - kernel[axis] + 1 for axis in range(rank)]
            spatial = tuple(extent + more for extent, more in zip(spatial, extra, strict=True))
        else:
            matrix = weights(rng, (neurons, channels), ternary, scaled)
            if bias or draw(st.booleans()):
                model.add("Gemm", matrix, *bias, transB=1)
            else:
                model.add("MatMul", matrix.T)
        channels = neurons
        if layer == layers - 1:
            break
        pool = draw(st.sampled_from(["no", "before", "between", "after"])) if rank and min(spatial) >= 2 else "no"
        window = {"kernel_shape": [2] * rank, "strides": [draw(st.integers(1, 2))] * rank}
        if pool == "before":
            model.add("MaxPool", **window)
        norm(draw, model, rng, channels, rank)
        if pool == "between":
            model.add("MaxPool", **window)
        model.sign(draw(st.booleans()))
        if pool == "after":
            model.add("MaxPool", **window)
        if pool != "no":
            spatial = tuple((extent - 2) // window["strides"][0] + 1 for extent in spatial)
        if rank and draw(st.integers(0, 2)) == 0:
            model.add("Flatten")
            channels, spatial, rank = channels * int(np.prod(spatial)), (), 0
    if draw(st.booleans()):
        norm_free = draw(st.sampled_from([0.5, -3.0, 0.1]))
        model.add("Mul", norm_free)
    return model, input_type


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(drawn=models(), seed=st.integers(0, 1000))
def test_random_models_equal_onnxruntime(tmp_path: Path, drawn: tuple[Model, str], seed: int) -> None:
    model, input_type = drawn
    assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions(input_type), batch=8, seed=seed)
