"""Constants that the model computes by itself: their last bits depend on the order of its sums."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.constants.folding_error import doubt_of
from edgebnn.frontend.onnx.graph import OnnxNode
from edgebnn.network.types import Threshold
from tests.frontend.onnx_models import Array, Model


def node(operator: str) -> OnnxNode:
    return OnnxNode("node", operator, "", ("x",), ("y",), {})


def summed(values: Array) -> np.float32:
    """One after the other, as float32 adds."""
    total = np.float32(0)
    for value in values:
        total = np.float32(total + value)
    return total


@given(st.integers(2, 300), st.integers(0, 2**32), st.booleans())
def test_no_order_of_a_mean_leaves_what_is_said(count: int, seed: int, signed: bool) -> None:
    rng = np.random.default_rng(seed)
    terms = rng.lognormal(0, 2, count).astype(np.float32) * (rng.choice((-1, 1), count) if signed else 1)
    terms = terms.astype(np.float32)
    folded = np.mean(terms, dtype=np.float32)
    doubt = doubt_of(node("ReduceMean"), [terms], np.array(folded), [0.0])
    for order in (np.argsort(terms), np.argsort(-np.abs(terms)), rng.permutation(count)):
        for other in (summed(terms[order]) / np.float32(count), summed(terms[order]) * np.float32(1 / count)):
            assert abs(float(other) - float(folded)) <= 2 * doubt * abs(float(folded))


def test_of_several_sums_the_one_that_cancels_most_says_what_is_left_of_it() -> None:
    """One row adds up to almost nothing, the other to 1000: in another order the former is another number."""
    rng = np.random.default_rng(1)
    terms = rng.normal(0, 1, (2, 64)).astype(np.float32)
    terms[0, -1] = np.float32(1e-4 - terms[0, :-1].astype(np.float64).sum())
    terms[1] += 16
    folded = np.array([summed(row) for row in terms])
    doubt = doubt_of(node("ReduceSum"), [terms], folded, [0.0])
    others = [abs(float(summed(terms[0][rng.permutation(64)])) - float(folded[0])) for _ in range(50)]
    assert 1e-3 * abs(float(folded[0])) < max(others) <= doubt * abs(float(folded[0]))


def test_what_float32_adds_exactly_is_no_doubt() -> None:
    eighths = np.arange(-50, 78, dtype=np.float32) / np.float32(8)
    for operator in ("ReduceSum", "ReduceMean", "ReduceL1"):
        assert doubt_of(node(operator), [eighths], np.array(eighths.mean()), [0.0]) == 0
    thirds = np.full(128, 1 / 3, np.float32)
    assert doubt_of(node("ReduceSum"), [thirds], np.array(thirds.sum()), [0.0]) > 0


def test_doubts_go_on_and_end_at_steps() -> None:
    scale = np.array(0.7, np.float32)
    assert doubt_of(node("Mul"), [scale, scale], scale, [1e-6, 2e-6]) == pytest.approx(3e-6)
    assert doubt_of(node("Exp"), [scale], np.exp(scale), [1e-6]) > 1.1e-6  # libraries approximate it
    assert doubt_of(node("Sign"), [scale], np.sign(scale), [1e-6]) == 0
    assert doubt_of(node("Cast"), [scale], scale.astype(np.int64), [1e-6]) == 0


@pytest.mark.parametrize("inside", [True, False], ids=["computed in the graph", "a constant"])
def test_a_sum_of_zero_is_ambiguous_where_the_model_computes_the_scale(tmp_path: Path, inside: bool) -> None:
    """Folded, the scale is exactly 0.5, of which float32 holds every multiple; in another order it is not."""
    rng = np.random.default_rng(0)
    off = (rng.random(16) / 3).astype(np.float32)
    latent = np.concatenate([0.5 + off, 0.5 - off]).astype(np.float32) * rng.choice((-1, 1), 32)
    latent = latent.astype(np.float32).reshape(32, 1)
    assert np.abs(latent).mean() == 0.5
    model = Model((32,))
    weights = model.constant(latent)
    signs = model.add("Sign", inputs=[weights])
    size = model.add("Abs", inputs=[weights])
    mean = model.add("ReduceMean", inputs=[size], keepdims=1, axes=[0, 1]) if inside else model.constant([[0.5]])
    scaled = model.add("Mul", inputs=[signs, mean])
    model.add("MatMul", inputs=["x", scaled])
    model.sign()
    model.add("MatMul", np.ones((1, 2), np.float32))
    network = read_network(model.save(tmp_path), ReadOptions("int8"))
    (step,) = (node for node in network.nodes if isinstance(node, Threshold))
    assert step.ambiguous == (1 if inside else 0)
