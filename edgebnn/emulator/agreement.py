"""Whether two executors gave the same answers, counted."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.network.types import Network


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


def same_as_model(scores: npt.NDArray[np.int32], answers: npt.NDArray[Any], network: Network) -> Agreement:
    """Agreement with what onnxruntime answers for the model, (samples, *scores) or the classes (samples,).

    Scores have to be equal up to what the front end shows that float32 can round behind the last sums
    (`Network.score_error`), and the arg max has to be the same, but among scores that lie within that rounding of the
    largest. Where the model ends in a softmax or an arg max, only the latter can be compared.
    """
    real = per_class(scores) * network.output.scale
    if answers.dtype.kind in "iu":  # the model ends in an arg max
        return Agreement(len(scores), int((answers.reshape(len(scores)) == real.argmax(axis=1)).sum()))
    given = per_class(answers).astype(np.float64)
    tolerance = network.score_error or 0.0
    best = np.take_along_axis(given, real.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]
    same = best >= given.max(axis=1) - 2 * tolerance
    if network.score_error is not None:
        same &= (np.abs(real - given) <= tolerance).all(axis=1)
    return Agreement(len(scores), int(same.sum()))
