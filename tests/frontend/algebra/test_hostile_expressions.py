"""Small files whose chains of operators would be endless work: refused in a sentence, or worked on once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.algebra.evaluation import evaluate
from edgebnn.frontend.algebra.exact_numbers import MAX_OPERATORS, fractions_of
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, Leaf
from edgebnn.frontend.algebra.integer_sets import plain_grid
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.thresholds.thresholds import find_steps
from edgebnn.network.interpreter import interpret
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Model, dense, signs
from tests.networks import random_inputs

OPTIONS = ReadOptions("bits")


def scaled(inputs: int = 8, outputs: int = 8) -> Model:
    """A layer whose weights are 0.3 and -0.3, so that rational numbers decide what comes after."""
    model = Model((inputs,))
    model.add("MatMul", signs(0, inputs, outputs) * np.float32(0.3))
    return model


def ended(model: Model, folder: Path) -> Path:
    """The model with a sign and a last layer of 8 inputs."""
    model.sign()
    model.add("MatMul", signs(1, 8, 2))
    return model.save(folder)


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_network(path, OPTIONS)
    return str(caught.value)


@pytest.mark.parametrize(("operators", "accepted"), [(MAX_OPERATORS, True), (MAX_OPERATORS + 1, False)])
def test_a_chain_is_as_long_as_the_limit_at_most(tmp_path: Path, operators: int, accepted: bool) -> None:
    model = scaled()
    for _ in range(operators - 1):  # the sign is one as well
        model.add("Mul", 0.99999)
    path = ended(model, tmp_path)
    if accepted:
        assert len(read_network(path, OPTIONS).linear) == 2
    else:
        assert f"{operators} elementwise operators, more than {MAX_OPERATORS}; simplify" in refusal(path)


def test_an_operator_of_thousands_of_operands(tmp_path: Path) -> None:
    model = scaled()
    model.add("Max", *[model.last] * 5000)
    assert f"more than {MAX_OPERATORS}" in refusal(ended(model, tmp_path))


def test_squares_of_squares_leave_float32(tmp_path: Path) -> None:
    model = scaled()
    for _ in range(12):
        model.add("Mul", model.last)
    assert "values that float32 cannot hold" in refusal(ended(model, tmp_path))


@pytest.mark.parametrize("operator", ["Mul", "Add"])
def test_numbers_that_double_their_length_are_refused(operator: str) -> None:
    """Close to one, so that only their length grows: 24 bits become 24 * 2**12. Floats do not decide a zero."""
    leaf = Leaf(fractions_of(np.array([1.0001], np.float32)), fractions_of(np.zeros(1)), False, np.zeros(1))
    expression: Expression = leaf
    for _ in range(12):
        expression = Apply("Mul", (expression, expression), "node")
    if operator == "Add":
        expression = Apply("Add", (expression, Constant(np.ones(1, np.float32))), "node")
    expression = Apply("Sub", (expression, expression), "node")
    one, minus_one, two = (np.full(1, number, np.int64) for number in (1, -1, 2))
    with pytest.raises(Refusal, match="more than 4096 bits"):
        find_steps(Apply("Sign", (expression,), "node"), leaf, plain_grid(minus_one, two, two, minus_one, one), -1, 1)


@pytest.mark.parametrize("factor", [1e38, 1e-38])
@pytest.mark.parametrize("behind_a_sign", [False, True])
def test_factors_that_leave_what_numbers_can_be(tmp_path: Path, factor: float, behind_a_sign: bool) -> None:
    model = scaled()
    if behind_a_sign:
        model.sign()
    for _ in range(20):
        model.add("Mul", factor)
    if behind_a_sign:
        model.add("MatMul", signs(1, 8, 2))
    assert "values that float32 cannot hold" in refusal(model.save(tmp_path))


def test_repeated_nodes_around_an_estimator_are_compared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two copies of ten doublings have 2**10 paths down to the one constant in which they could differ."""
    model = dense(8, 8)
    sums = model.last
    through, copy = (model.add("Add", inputs=[sums, model.constant(0.5)]) for _ in range(2))
    for _ in range(10):
        through, copy = (model.add("Add", inputs=[value, value]) for value in (through, copy))
    stepped = model.add("Sign", inputs=[through])
    difference = model.add("Sub", inputs=[stepped, copy])
    model.add("Add", inputs=[through, difference])
    model.add("MatMul", signs(1, 8, 2))
    compared = 0
    equal = np.array_equal

    def counted(*arrays: Any) -> bool:
        nonlocal compared
        compared += 1
        return bool(equal(*arrays))

    monkeypatch.setattr("edgebnn.frontend.activations.activation.np.array_equal", counted)
    assert len(read_network(model.save(tmp_path), OPTIONS).linear) == 2  # the sums alone would be no input of a layer
    assert compared == 1


def test_the_evaluations_of_all_layers_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def layers(count: int) -> Path:
        model = scaled()
        for number in range(count):
            model.sign()
            model.add("MatMul", signs(number, 8, 8) * np.float32(0.3))
        return model.save(tmp_path)

    monkeypatch.setattr("edgebnn.frontend.algebra.exact_numbers.MAX_FLOATS", 20_000)
    assert len(read_network(layers(2), OPTIONS).linear) == 3
    assert "too many evaluations" in refusal(layers(20))


def test_an_input_shifted_by_fractions_without_a_short_common_denominator(tmp_path: Path) -> None:
    """x + (0 * x + 1) / odd[c]: each channel has the same scale, and an offset with its own odd denominator.

    Their exact sum would be a number without end; it is rounded far below what float32 shows.
    """
    model = Model((400,))
    model.add("Mul", 0.0)
    model.add("Add", 1.0)
    shift = model.add("Div", 3.0 + 2 * np.arange(400, dtype=np.float32) + 2.0**20)
    model.add("Add", inputs=["x", shift])
    model.add("MatMul", signs(0, 400, 2))
    path = model.save(tmp_path)
    network = read_network(path, OPTIONS)
    x = random_inputs(network, 0, 50)
    scores = interpret(network, x) * network.output.scale
    assert np.abs(scores - onnxruntime_values(path, x)[model.last]).max() <= network.score_error < 1e-1


def test_a_wide_range_is_evaluated_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of unknown direction keeps every operator's values of one block only, and finds the same steps."""
    leaf = Leaf(fractions_of(np.ones(1)), fractions_of(np.zeros(1)), True, np.zeros(1))
    shifted = Apply("Add", (leaf, Constant(np.full(1, 100, np.float32))), "node")
    there = Apply("ToFloat", (Apply("Equal", (shifted, Constant(np.full(1, 117, np.float32))), "node"),), "node")
    expression = Apply("Sign", (Apply("Sub", (there, Constant(np.full(1, 0.5, np.float32))), "node"),), "node")
    low, one, count, high = (np.full(1, number, np.int64) for number in (-100, 1, 201, 100))
    grid = plain_grid(low, one, count, low, high)
    longest = 0

    def watched(*arguments: Any, **options: Any) -> Any:
        nonlocal longest
        longest = max(longest, len(arguments[2]))
        return evaluate(*arguments, **options)

    monkeypatch.setattr("edgebnn.frontend.thresholds.step_search._BLOCK", 10)
    monkeypatch.setattr("edgebnn.frontend.algebra.channel_function.evaluate", watched)
    function = find_steps(expression, leaf, grid, -100, 100)
    assert function.falls is not None and longest == 10
    assert (function.rises.thresholds.tolist(), function.falls.thresholds.tolist()) == ([[17]], [[17]])
