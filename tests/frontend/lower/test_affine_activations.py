"""What counts as a line behind the steps of an activation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from edgebnn.frontend.algebra.expression import Apply, Constant, Leaf
from edgebnn.frontend.lower.affine_activations import _behind_lines

LEAF = Leaf(np.array([Fraction(1)]), np.array([Fraction(0)]), True, np.zeros(1))
STEPS = Apply("Sign", (LEAF,), "sign")
THREE = Constant(np.array([3], np.float32))


def test_lines_are_taken_off_steps_and_a_division_by_steps_is_no_line() -> None:
    shifted = Apply("Add", (THREE, Apply("Div", (STEPS, THREE), "half")), "shifted")
    assert _behind_lines(shifted) is STEPS
    inverse = Apply("Div", (THREE, shifted), "inverse")
    assert _behind_lines(Apply("Neg", (inverse,), "negated")) is inverse
    product = Apply("Mul", (STEPS, STEPS), "square")
    assert _behind_lines(product) is product
