"""Agreement counts samples, to the bit among our own executors and up to float32's rounding with onnxruntime."""

from __future__ import annotations

import dataclasses

import numpy as np

from edgebnn.emulator.agreement import Agreement, same_as_model, same_class, same_integers
from edgebnn.network import Network
from tests.mapping.test_planner import dense

EXACT = dataclasses.replace(dense(40, 2), score_error=0.0)
ROUNDED = dataclasses.replace(EXACT, score_error=1e-3)
CLASSES = dataclasses.replace(EXACT, ends_in="classes")


def agree(network: Network, scores: list[list[int]], answers: object) -> Agreement:
    return same_as_model(np.array(scores, np.int32), np.asarray(answers), network)


def test_one_different_bit_is_a_different_sample() -> None:
    one = np.array([[1, 2], [3, 4], [5, 6]], np.int32)
    other = one.copy()
    other[1, 0] += 1
    assert same_integers(one, other) == Agreement(3, 2)
    assert not same_integers(one, other).whole
    assert same_integers(one, one).whole


def test_sums_that_are_the_scores_have_no_rounding_to_hide_behind() -> None:
    assert agree(EXACT, [[10, 2]], np.float32([[10, 2]])).whole
    assert not agree(EXACT, [[10, 2]], np.nextafter(np.float32([[10, 2]]), np.float32(0))).whole


def test_an_affine_may_differ_by_its_rounding_and_no_more() -> None:
    answers = np.float32([[10, 2], [10.0009, 2], [10.0011, 2]])
    assert agree(ROUNDED, [[10, 2]] * 3, answers) == Agreement(3, 2)


def test_another_arg_max_is_a_disagreement_unless_the_scores_are_that_close() -> None:
    assert agree(ROUNDED, [[10, 10]], np.float32([[10.0, 10.0005]])).whole
    assert not agree(EXACT, [[10, 9]], np.float32([[9, 10]])).whole


def test_behind_a_softmax_or_an_arg_max_only_the_class_is_compared() -> None:
    assert agree(CLASSES, [[10, 2]], np.float32([[0.9, 0.1]])).whole
    assert not agree(CLASSES, [[10, 2]], np.float32([[0.1, 0.9]])).whole
    assert agree(CLASSES, [[10, 2], [1, 3], [5, 4]], np.array([0, 1, 1])) == Agreement(3, 2)


def test_a_class_is_what_an_arg_max_or_a_top_k_names() -> None:
    scores = np.array([[10, 2], [1, 3], [5, 4]], np.int32)
    assert same_class(scores, np.float32([[0.2, 0.1], [1, 2], [7, 8]])) == Agreement(3, 2)
    assert same_class(scores, np.array([0, 1, 0])).whole
    assert same_class(scores, np.array([[0, 1], [1, 0], [0, 1]])).whole  # TopK: the first one is the class
    assert agree(CLASSES, scores.tolist(), np.array([[0, 1], [1, 0], [0, 1]])).whole


def test_any_of_several_classes_with_the_same_probability_is_the_models_answer() -> None:
    """A quantised softmax gives 0.5 to two classes, of whose scores one is larger."""
    assert agree(CLASSES, [[9, 10], [10, 9]], np.float32([[0.5, 0.5], [0.5, 0.5]])).whole
    assert agree(CLASSES, [[9, 10], [10, 9]], np.array([[128, 128], [127, 128]], np.uint8)) == Agreement(2, 1)


def test_scores_of_a_short_integer_type_are_scores_and_no_classes() -> None:
    assert agree(EXACT, [[3, 200]], np.array([[3, 200]], np.uint8)).whole
    assert not agree(EXACT, [[3, 200]], np.array([[3, 201]], np.uint8)).whole
