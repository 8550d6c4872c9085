"""Agreement counts samples, to the bit among our own executors and up to one affine's rounding with onnxruntime."""

from __future__ import annotations

import numpy as np

from edgebnn.emulator.agreement import Agreement, same_as_floats, same_integers
from edgebnn.network import Kind, Tensor

SCORES = Tensor("scores", Kind.SCORES, (2,), -(2**30), 2**30, scale=2.0**-20)


def test_one_different_bit_is_a_different_sample() -> None:
    one = np.array([[1, 2], [3, 4], [5, 6]], np.int32)
    other = one.copy()
    other[1, 0] += 1
    assert same_integers(one, other) == Agreement(3, 2)
    assert not same_integers(one, other).whole
    assert same_integers(one, one).whole


def test_onnxruntime_may_differ_by_rounding_and_no_more() -> None:
    scores = np.array([[2**30, -(2**29)]] * 3, np.int32)
    floats = (scores * SCORES.scale).astype(np.float32)
    floats[1, 0] = np.nextafter(floats[1, 0], np.float32(0))
    floats[2, 0] *= 1 - 1e-5
    assert same_as_floats(scores, floats, SCORES) == Agreement(3, 2)


def test_another_arg_max_is_a_disagreement_even_when_scores_are_small() -> None:
    scores = np.array([[1000, 999]], np.int32)
    plain = Tensor("scores", Kind.SCORES, (2,), -1000, 1000)
    assert same_as_floats(scores, np.array([[1000, 999]], np.float32), plain).whole
    assert not same_as_floats(scores, np.array([[999, 1000]], np.float32), plain).whole
