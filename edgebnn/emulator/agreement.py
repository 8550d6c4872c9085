"""Whether two executors gave the same answers, counted."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.network.types import Network

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
    same = per_class(scores).argmax(axis=1) == classes_of(answers)
    return Agreement(len(scores), int(same.sum()))


def classes_of(answers: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The class (samples,) of each of a model's answers: of the largest score, or what an arg max or TopK names."""
    listed = per_class(answers)
    if answers.dtype.kind in "iu":
        return listed[:, 0].astype(np.int64)
    classes: npt.NDArray[np.int64] = listed.argmax(axis=1)
    return classes


def same_as_model(scores: npt.NDArray[np.int32], answers: npt.NDArray[Any], network: Network) -> Agreement:
    """Agreement with what onnxruntime answers for the model: scores or probabilities (samples, *scores), or classes.

    Scores have to be equal up to what the front end shows that float32 can round behind the last sums
    (`Network.score_error`). The class has to be the same, or one whose score lies within twice that rounding of the
    largest, since float32 may then put either first; behind a softmax within the softmax's own rounding too.
    """
    real = per_class(scores) * network.output.scale
    chosen = classes_of(answers)
    slack = np.full(len(scores), 2 * network.score_error)
    if network.ends_in == "classes":
        slack += _SOFTMAX_ROUNDING * np.maximum(np.abs(real).max(axis=1, initial=0), 1)
    same = np.take_along_axis(real, chosen[:, np.newaxis], axis=1)[:, 0] >= real.max(axis=1) - slack
    if network.ends_in == "scores":
        same &= (np.abs(real - per_class(answers)) <= network.score_error).all(axis=1)
    return Agreement(len(scores), int(same.sum()))
