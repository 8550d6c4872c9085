"""Constants of the list kernel: weights input after input, a word for 32 neurons, and bit-sliced thresholds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgebnn.mapping.image import ImageWriter
from edgebnn.mapping.kernels import ListShape
from edgebnn.mapping.plan import ActiveSections
from edgebnn.mapping.steps import step_table
from edgebnn.mapping.weight_words import Weights, input_words, unpack_rows
from edgebnn.network.types import Threshold, WeightKind
from edgebnn.words import WORD_BITS, Words


def plan_active(
    name: str,
    kind: WeightKind,
    weights: Weights,
    threshold: Threshold | None,
    shape: ListShape,
    image: ImageWriter,
) -> ActiveSections:
    """The sections of a layer whose weights are (O, n); `threshold` is the one that the counters are compared with."""
    ternary = kind is WeightKind.TERNARY
    totals = weights.sum(axis=1, dtype=np.int64)
    plus = image.add(f"{name}.plus", input_words(weights > 0))
    not_minus = image.add(f"{name}.not_minus", input_words(weights >= 0)) if ternary else None
    missing = _missing(weights, kind, shape) if shape.input.format == "bits" and shape.planes > 1 else None
    limits = None
    if threshold is not None:
        limits = image.add(f"{threshold.name}.limits", _limits(threshold, totals, weights.shape[1], shape))
    return ActiveSections(
        plus=plus,
        not_minus=not_minus,
        limits=limits,
        totals=None if limits else image.add(f"{name}.totals", totals.astype(np.int32)),
        planes=shape.planes,
        strip=shape.strip,
        sum_planes=shape.sum_planes,
        missing=None if missing is None else image.add(f"{name}.missing", missing),
        place_planes=0 if missing is None else missing.shape[-1],
    )


def _missing(weights: Weights, kind: WeightKind, shape: ListShape) -> Words:
    """What a place of the window adds where nothing is there, uint32 (ceil(O / 32), places, planes).

    Each of its inputs lies halfway between -1 and +1, where a weight of +1 counts once, and so does, of ternary
    weights, one that is not -1.
    """
    by_place = weights.reshape(len(weights), -1, shape.input.channels)
    counts, most = (by_place > 0).sum(axis=-1), shape.input.channels
    if kind is WeightKind.TERNARY:
        counts, most = counts + (by_place >= 0).sum(axis=-1), 2 * most
    planes = counts[..., np.newaxis] >> np.arange(most.bit_length()) & 1 != 0
    return input_words(planes.reshape(len(weights), -1)).reshape(-1, *planes.shape[1:])


def _limits(threshold: Threshold, totals: npt.NDArray[np.int64], fan_in: int, shape: ListShape) -> Words:
    """What counters must reach, uint32 (ceil(O / 32), steps, 2, sum_planes + 1): see `ebnn_active_layer.limits`.

    A counter is V + most, where V is the weights' sum of the values that are listed, and the dot product V, twice or
    once, less offset * total; of inputs that are turned over it is what the largest values would give, less V.
    """
    thresholds, down = step_table(threshold)
    # The count of a channel whose direction is down is that of dot products <= -1 - t, which are not >= -t.
    wanted = np.where(down[:, np.newaxis], -thresholds.astype(np.int64), thresholds)
    most = fan_in * shape.largest
    scale = 2 if shape.twice else 1
    as_it_is = -((-wanted - shape.offset * totals[:, np.newaxis]) // scale)
    all_set = (scale * shape.largest - shape.offset) * totals[:, np.newaxis]
    turned = (all_set - wanted) // scale + 1
    limits = np.clip(np.stack([as_it_is, turned], axis=2) + most, 0, (1 << shape.sum_planes) - 1)
    inverted = down[:, np.newaxis, np.newaxis] ^ np.array([False, True])
    planes = limits[..., np.newaxis] >> np.arange(shape.sum_planes) & 1 != 0
    bits = np.concatenate([planes, np.broadcast_to(inverted, limits.shape)[..., np.newaxis]], axis=-1)
    words = input_words(bits.reshape(len(bits), -1))
    return words.reshape(-1)


def stored_weights(plus: Words, not_minus: Words | None, neurons: int, fan_in: int) -> Weights:
    """The weights (O, fan_in) whose words, in the order of the image, these are."""

    def signs(words: Words) -> Weights:
        by_word = words.reshape(-1, fan_in)
        return np.ascontiguousarray(unpack_rows(np.ascontiguousarray(by_word.T), None, neurons).T)

    positive = signs(plus)
    return positive if not_minus is None else ((positive + signs(not_minus)) // 2).astype(np.int8)


def active_bytes(neurons: int, fan_in: int) -> int:
    """Bytes of a section of weights."""
    return 4 * -(-neurons // WORD_BITS) * fan_in
