"""No operator makes a value beyond the ends between which it is said to lie."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.frontend.algebra.intervals import Interval
from edgebnn.frontend.algebra.operators import OPERATORS
from edgebnn.frontend.algebra.smooth_functions import CURVES

CHANNELS, SAMPLES = 200, 40
OPERANDS = {
    "Add": 2, "Sub": 2, "Mul": 2, "MulAdd": 3, "Div": 2, "Neg": 1, "ToFloat": 1, "Abs": 1, "Relu": 1, "PRelu": 2,
    "Max": 2, "Min": 2, "Where": 3, "Sign": 1, "Floor": 1, "Ceil": 1, "Truncate": 1, "Round": 1, "Greater": 2,
    "GreaterOrEqual": 2, "Less": 2, "LessOrEqual": 2, "StraightThrough": 2, **dict.fromkeys(CURVES, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERANDS)
def test_every_value_lies_between_the_ends(name: str) -> None:
    rng, operator = np.random.default_rng(5), OPERATORS[name]
    bounds = [np.sort(rng.uniform(-4, 4, (2, CHANNELS)), axis=0) for _ in range(OPERANDS[name])]
    if name == "Div":
        bounds[1] = np.abs(bounds[1]).clip(0.1)
        bounds[1].sort(axis=0)
    if name == "PRelu":  # its slope is a constant
        bounds[1][1] = bounds[1][0]
    if name == "Where":
        bounds[0] = np.stack([np.zeros(CHANNELS), np.ones(CHANNELS)])
    low, high = operator.between([Interval(*ends, np.zeros(CHANNELS)) for ends in bounds])
    for _ in range(SAMPLES):
        operands = [rng.uniform(*ends) for ends in bounds]
        if name == "Where":
            operands[0] = operands[0] > 0.5
        found = np.asarray(operator.value(*operands), np.float64)
        assert (low <= found + 1e-6).all() and (found <= high + 1e-6).all()
