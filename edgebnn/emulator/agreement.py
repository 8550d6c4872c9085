"""Whether two executors gave the same answers, counted."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.network.network import Network

# A softmax takes the largest score away, and rounds exponentials, their sum and quotients to a few units in the last
# place: two probabilities keep their order where the scores differ by more than this share of them.
_SOFTMAX_ROUNDING = 2.0**-21


@dataclass(frozen=True)
class Agreement:
    """Of `compared` samples, how many have `equal` scores."""

    compared: int
    equal: int

    @property
    def whole(self) -> bool:
        """Every sample agrees."""
        return self.compared == self.equal


def per_class(scores: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Scores (samples, *shape) as (samples, classes), also without any sample."""
    return scores.reshape(len(scores), prod(scores.shape[1:]))


def same_integers(one: npt.NDArray[np.int32], other: npt.NDArray[np.int32]) -> Agreement:
    """Agreement to the bit; both (samples, *scores)."""
    equal = per_class(one == other).all(axis=1)
    return Agreement(len(one), int(equal.sum()))


def same_class(scores: npt.NDArray[np.int32], answers: npt.NDArray[Any]) -> Agreement:
    """How often the class is the same: all that can be asked where layers were quantised here."""
    listed = per_class(scores)
    same = listed.argmax(axis=1) == classes_of(answers, listed.shape[1])
    return Agreement(len(scores), int(same.sum()))


def names_classes(answers: npt.NDArray[Any], classes: int) -> bool:
    """Whether answers are numbers of these classes, which ArgMax and TopK give as int64, or a cast as one integer each.

    Quantised scores are shorter integers.
    """
    single = answers.dtype.kind in "iu" and per_class(answers).shape[1] == 1 < classes
    return single or answers.dtype == np.int64


def classes_of(answers: npt.NDArray[Any], classes: int) -> npt.NDArray[np.int64]:
    """The class (samples,) of each of a model's answers: of the largest score, or what an arg max or TopK names."""
    listed = per_class(answers)
    if names_classes(answers, classes):
        return listed[:, 0].astype(np.int64)
    largest: npt.NDArray[np.int64] = listed.argmax(axis=1)
    return largest


def same_as_model(scores: npt.NDArray[np.int32], answers: npt.NDArray[Any], network: Network) -> Agreement:
    """Agreement with what onnxruntime answers for the model: scores or probabilities (samples, *scores), or classes.

    Scores have to be equal up to what the front end shows that float32 can round behind the last sums
    (`Network.score_error`). The class has to be the same, or one whose score lies within twice that rounding of the
    largest, since float32 may then put either first; behind a softmax within the softmax's own rounding too. Where the
    model's probabilities are the same for several classes, any of them is its answer.
    """
    real = per_class(scores) * network.output.scale
    slack = np.full(len(scores), 2 * network.score_error)
    if network.ends_in == "classes":
        slack += _SOFTMAX_ROUNDING * np.maximum(np.abs(real).max(axis=1, initial=0), 1)
    same = (_first(answers, network) & (real >= (real.max(axis=1) - slack)[:, np.newaxis])).any(axis=1)
    if network.ends_in == "scores":
        same &= (np.abs(real - per_class(answers)) <= network.score_error).all(axis=1)
    return Agreement(len(scores), int(same.sum()))


def _first(answers: npt.NDArray[Any], network: Network) -> npt.NDArray[np.bool_]:
    """The classes (samples, classes) that the model puts first: one, or all that it has the same probability for."""
    listed, count = per_class(answers), network.output.size
    if network.ends_in == "classes" and not names_classes(answers, count):
        return np.asarray(listed == listed.max(axis=1, keepdims=True), dtype=np.bool_)
    return np.asarray(classes_of(answers, count)[:, np.newaxis] == np.arange(count), dtype=np.bool_)
