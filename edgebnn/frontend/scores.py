"""The network's answer: the affine that a model ends in, in int32."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.analysis import affine_of
from edgebnn.frontend.emission import Emitter
from edgebnn.frontend.intervals import float32_error
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.signals import Signal
from edgebnn.network.types import Affine, Kind, Tensor

_LIMIT = 2**31 - 1
# What a few float32 operations may round of a score: less than this share of it shows in no answer of the model.
_FLOAT32_SHARE = 8 * 2.0**-24
# Units that are tried for the scores, so that the multipliers of few channels round well together.
_CANDIDATES = 4096
_PRODUCTS = 1 << 22  # candidates times slopes, so that many channels cost no more memory than few


@dataclass(frozen=True)
class Scores:
    """How close the network's scores are to the model's float32 ones, in the model's units, and what to tell a user."""

    error: float
    notes: tuple[str, ...] = ()


def emit_scores(emitter: Emitter, signal: Signal, node: str) -> Scores:
    """Ends the network in the signal, an affine of its last layer's sums; Refusal for any other ending.

    The real score is a[c] * n + b[c], exactly; the network's is multiplier[c] * n + offset[c] with one real value for
    its unit, chosen as fine as int32 allows. One common a > 0 without b needs no affine: the sums are the scores.
    Says so in a note where int32 rounds the affine more than float32 would.
    """
    if signal.base.kind is not Kind.SUMS:
        raise Refusal("ends without a binary or ternary layer", "there is nothing to compile")
    line = affine_of(signal.expression, signal.base.low, signal.base.high, signal.base.channels)
    if line is None:
        raise Refusal(
            "ends in something that is not an affine function of the last layer's sums",
            "let the model end in the scores: a layer, with a bias, scale or batch norm at most",
        )
    if signal.padding is not None:
        raise Refusal("ends in a padding", "let the model end in the scores")
    factor = signal.channels_each
    signal = emitter.settled(signal)
    slope, shift = (np.repeat(part, factor) for part in line)
    bound = max(abs(signal.base.low), abs(signal.base.high))
    float_error = float32_error(signal.expression, signal.base.low, signal.base.high, signal.base.channels)
    if np.all(slope == slope[0]) and slope[0] > 0 and not np.any(shift != 0):
        last = emitter.nodes[-1]
        own = signal.value == last.output.name
        name = last.output.name if own else emitter.tensor_name(signal.value)
        scores = replace(last.output, name=name, kind=Kind.SCORES, scale=float(slope[0]))
        emitter.nodes[-1] = replace(last, output=scores)
        return Scores(float_error)
    a, b = slope.astype(np.float64), shift.astype(np.float64)
    unit = _unit(a, b, bound)
    multiplier, offset = np.rint(a / unit).astype(np.int64), np.rint(b / unit).astype(np.int64)
    # Far beyond what float32 itself rounds in a channel, a slope must not vanish beside another channel's scores.
    visible = np.abs(a) * bound > _FLOAT32_SHARE * (np.abs(a) * bound + np.abs(b))
    if np.any((multiplier == 0) & visible):
        channel = int(np.argmax((multiplier == 0) & visible))
        raise Refusal(
            f"has scores so unequal in size that int32 loses all of score {channel}",
            "scale the scores alike: leave out a huge bias, or the class that it masks",
        )
    high = int((np.abs(multiplier) * bound + np.abs(offset)).max())
    output = Tensor(emitter.tensor_name(signal.value), Kind.SCORES, signal.base.shape, -high, high, unit)
    emitter.nodes.append(
        Affine(
            emitter.name(node),
            (signal.base.name,),
            output,
            multiplier.astype(np.int32),
            offset.astype(np.int32),
        )
    )
    error = unit * float((np.abs(multiplier - a / unit) * bound + np.abs(offset - b / unit)).max())
    # The worst score lies at the bound itself, and float64 rounds both: here, and where the scores are compared.
    error += 8 * float(np.finfo(np.float64).eps) * unit * high
    notes = (f"the scores are rounded to int32 and lie within {error:.2g} of the model's, at most",)
    return Scores(float_error + error, notes if error > float_error else ())


def _unit(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], bound: int) -> float:
    """The real value of one unit of the scores: close to the finest that int32 holds, and kind to the multipliers.

    The largest slope becomes a whole multiplier; of the finest units, the one that rounds the other slopes best is
    taken. So one slope common to all channels is exact, and only offsets are rounded.
    """
    steepest = float(np.abs(a).max())
    if steepest == 0:
        return float(np.abs(b).max()) / (_LIMIT - 1) or 1.0
    # Rounding adds at most half a unit to each multiplier and offset.
    room = (_LIMIT - bound - 2) / float((np.abs(a) / steepest * bound + np.abs(b) / steepest).max())
    largest = int(room)
    if largest < 1:
        return steepest / room
    slopes = np.unique(a) / steepest
    tried = max(1, min(_CANDIDATES, _PRODUCTS // len(slopes)))
    candidates = np.arange(largest, max(largest // 2, largest - tried, 0), -1, dtype=np.float64)
    products = np.outer(candidates, slopes)
    errors = np.abs(products - np.rint(products)).max(axis=1)
    return steepest / float(candidates[int(np.argmin(errors))])
