"""What a layer's sums are worth to the model, and whether float32 holds all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.frontend.algebra.exact_numbers import fractions_of
from edgebnn.frontend.layers.convolution_padding import Padded
from edgebnn.frontend.layers.input_scales import folded
from edgebnn.frontend.layers.integer_weights import integer_weights
from edgebnn.frontend.layers.layer_sums import leaf_of_sums, scaled_source
from edgebnn.frontend.operations import WeightedSum
from edgebnn.network.types import Kind, Tensor


@pytest.mark.parametrize("largest", [1, 2, 255])
@given(inputs=st.integers(1, 5000), more=st.integers(-3, 3), lowest=st.booleans())
def test_sums_of_what_a_zero_point_moves_are_exact_as_long_as_float32_holds_the_largest(
    largest: int, inputs: int, more: int, lowest: bool
) -> None:
    """Integers n that are worth n + offset, all of weight 1: their sum grows to `inputs` times the largest of these."""
    offset = max(1, 2**24 // inputs - largest + more)
    tensor = Tensor("x", Kind.INTEGERS, (inputs,), -largest if lowest else 0, largest)
    source = replace(scaled_source(tensor, fractions_of(np.ones(1))[0]), offset=fractions_of(np.full(inputs, offset)))
    weights = integer_weights(np.ones((2, inputs), np.float32))
    layer = folded(weights, source.slope, 1)
    leaf = leaf_of_sums(source, weights, layer, Padded(), WeightedSum(weights.integers), inputs * largest, 0.0)
    assert leaf.exact == (inputs * (largest + offset) <= 2**24)
    assert bool(leaf.error.any()) == (not leaf.exact)
