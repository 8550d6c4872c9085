"""Padding in front of a layer, as its integers see it: an integer of the input, or sums that start elsewhere.

Models pad with 0 behind a normalisation, and there 0 is what (0 - b) / a of the sensor's units would be, seldom one of
its integers. Such a padding adds nothing to the integer sums. What the padded taps would be worth depends on which taps
these are, and so on the zone of the map in which the window lies: the sums of each zone start from that number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from edgebnn.choices import choice
from edgebnn.frontend.algebra.exact_numbers import Fractions
from edgebnn.frontend.layers.input_scales import Folded
from edgebnn.frontend.layers.integer_weights import IntegerWeights
from edgebnn.frontend.problems import Refusal
from edgebnn.network.rules import LARGEST_ZONES
from edgebnn.network.types import Border, Tensor, Window

# Bits of the sums in which what a padding is worth is rounded: finer than float32 sums numbers of their size.
_BITS = 26
_MOST_STARTS = 2**20


@dataclass(frozen=True, eq=False)
class Padded:
    """The integer that padding has, the border where it has none, and by how much that is rounded, in its own units."""

    value: int = 0
    border: Border | None = None
    error: float = 0.0

    @property
    def shift(self) -> int:
        """By how much sums are shifted."""
        return 0 if self.border is None else self.border.shift

    @property
    def largest(self) -> int:
        """The largest magnitude of what sums start from."""
        return 0 if self.border is None else int(np.abs(self.border.start.astype(np.int64)).max())

    @property
    def again(self) -> Padded:
        """The padding for other weights on the same input whose sums are added: what sums start from is added once."""
        border = self.border
        return self if border is None else replace(self, border=replace(border, start=np.zeros_like(border.start)))


def padded(
    tensor: Tensor,
    slope: Fractions,
    offset: Fractions,
    padding: float,
    weights: IntegerWeights,
    layer: Folded,
    window: Window,
    groups: int,
    bound: int,
) -> Padded:
    """What the padding of a layer is whose dot products reach `bound`; its input is slope[i] * n + offset[i]."""
    if not any(window.pad_begin + window.pad_end):
        return Padded()
    if not math.isfinite(padding):
        raise Refusal(f"is padded with {padding:g}", "pad with 0, or with 1 or -1 after a sign")
    missing: Fractions = Fraction(padding) - offset
    value = _integer_of(tensor, slope, missing)
    if value is not None:
        return Padded(value)
    return _bordered(_worth(weights, layer, missing, groups), *_zones(window, tensor.spatial), bound)


def _integer_of(tensor: Tensor, slope: Fractions, missing: Fractions) -> int | None:
    """The one integer that is worth the padding in every channel; None where there is none."""
    units = {real / each if each else real for real, each in zip(missing.tolist(), slope.tolist(), strict=True)}
    if len(units) > 1:
        return None
    (unit,) = units
    if unit.denominator != 1 or (unit and not tensor.low <= unit <= tensor.high):
        return None
    return int(unit)


@dataclass(frozen=True, eq=False)
class _Worth:
    """What a padded tap is worth beyond nothing: taps[o, *tap] * numerator[o] / denominator[o] units of the sums."""

    taps: npt.NDArray[np.object_]
    numerator: npt.NDArray[np.object_]
    denominator: npt.NDArray[np.object_]


def _worth(weights: IntegerWeights, layer: Folded, missing: Fractions, groups: int) -> _Worth:
    denominator = math.lcm(*(real.denominator for real in set(missing.tolist())))
    units = np.array([int(real * denominator) for real in missing.tolist()], dtype=object)
    neurons, inputs = weights.integers.shape[:2]
    group = np.arange(neurons) // (neurons // groups)
    each = units.reshape(groups, inputs)[group].reshape(neurons, inputs, *(1,) * (weights.integers.ndim - 2))
    taps = (weights.integers.astype(object) * each).sum(axis=1)
    ratios = [1 / (denominator * unit) for unit in layer.unit.tolist()]
    return _Worth(
        taps,
        np.array([ratio.numerator for ratio in ratios], dtype=object),
        np.array([ratio.denominator for ratio in ratios], dtype=object),
    )


def _zones(
    window: Window, spatial: tuple[int, ...]
) -> tuple[tuple[npt.NDArray[np.uint16], ...], list[npt.NDArray[np.int64]]]:
    """The zone of each position of the output, axis by axis, and which taps lie inside the map in each: from, to."""
    zones, spans = [], []
    for axis, extent in enumerate(window.extents(spatial)):
        start = np.arange(extent) * window.stride[axis] - window.pad_begin[axis]
        kernel, dilation = window.kernel[axis], window.dilation[axis]
        first = np.clip(-(start // dilation), 0, kernel)
        behind = np.clip(-((start - spatial[axis]) // dilation), first, kernel)
        found, zone = np.unique(np.stack([first, behind]), axis=1, return_inverse=True)
        zones.append(zone.reshape(-1).astype(np.uint16))
        spans.append(found)
    return tuple(zones), spans


def _bordered(
    worth: _Worth, zones: tuple[npt.NDArray[np.uint16], ...], spans: list[npt.NDArray[np.int64]], bound: int
) -> Padded:
    count = math.prod(span.shape[1] for span in spans)
    if count > LARGEST_ZONES or count * len(worth.taps) > _MOST_STARTS:
        raise Refusal(f"lies in the padding in {count} different ways", "use less padding or a smaller kernel")
    inside = worth.taps
    for axis, (first, behind) in enumerate(spans, start=1):
        edge = np.zeros_like(inside.take([0], axis=axis))
        sums = np.concatenate([edge, np.cumsum(inside, axis=axis)], axis=axis)
        inside = sums.take(behind, axis=axis) - sums.take(first, axis=axis)
    each = (-1,) + (1,) * len(spans)
    total = worth.taps.reshape(len(worth.taps), -1).sum(axis=1).reshape(each)
    numerator = (total - inside) * worth.numerator.reshape(each)
    return _rounded(numerator, worth.denominator, zones, bound)


def _rounded(
    numerator: npt.NDArray[np.object_],
    denominator: npt.NDArray[np.object_],
    zones: tuple[npt.NDArray[np.uint16], ...],
    bound: int,
) -> Padded:
    """The border whose sums start from numerator[o] / denominator[o], as finely as float32 would show it."""
    rows = numerator.reshape(len(numerator), -1)
    divisors = [math.gcd(below, *above) for below, above in zip(denominator.tolist(), rows.tolist(), strict=True)]
    left = [below // divisor for below, divisor in zip(denominator.tolist(), divisors, strict=True)]
    largest = max(np.abs(rows).max(axis=1) // denominator)
    finest = max(0, _BITS - (bound + largest + 1).bit_length())
    dyadic = all(below & (below - 1) == 0 for below in left)
    needed = max(below.bit_length() - 1 for below in left) if dyadic else finest + 1
    shift = min(needed, finest)
    below = denominator.reshape(-1, *(1,) * (numerator.ndim - 1))
    start = (numerator * 2 ** (shift + 1) + below) // (2 * below)
    if largest << shift > 2**31 - 2:
        raise Refusal("has a padding that is worth more than int32 holds", f"use a wider {choice('input_scale')}")
    border = Border(zones, np.moveaxis(start, 0, -1).astype(np.int32), shift)
    return Padded(0, border, 0.0 if needed <= finest else 0.5)
