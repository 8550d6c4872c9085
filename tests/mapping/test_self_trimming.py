"""Scores in coarser units, which leave room for what a chip finds of itself."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.mapping.self_trimming import _coarser
from edgebnn.network import Kind, Tensor, interpret
from tests.networks import Builder, random_inputs


@pytest.mark.parametrize(("segments", "shift"), [(1, 0), (1, 1), (1, 9), (3, 0), (3, 9)])
def test_coarser_scores_are_the_same_up_to_one_of_the_former_units(segments: int, shift: int) -> None:
    """Lines with a shift and bent ones are rounded once; half of a plain line's multipliers may be half a unit off."""
    builder = Builder(Tensor("x", Kind.BITS, (60,), -1, 1), np.random.default_rng(shift))
    builder.linear(20)
    builder.affine(segments, shift, reach=2**20)
    network = builder.network()
    coarser, x = _coarser(network), random_inputs(network, 1, 200)
    assert coarser is not None and coarser.output.scale == 2 * network.output.scale
    former, now = (interpret(each, x) * each.output.scale for each in (network, coarser))
    within = network.output.scale if shift or segments > 1 else coarser.score_error - network.score_error
    assert 0 < np.abs(now - former).max() <= within < np.abs(former).max() / 20
