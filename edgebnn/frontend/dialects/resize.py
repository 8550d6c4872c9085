"""Maps made larger or smaller by whole factors, each element a copy of the nearest one. It only recognises."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.dialects.reshape_transpose_concat import axis_of
from edgebnn.frontend.dialects.window_attributes import check_axis
from edgebnn.frontend.onnx.graph import OnnxNode, as_integers
from edgebnn.frontend.operations import Forwarding, Operands, Operation, OperationSequence, Recogniser, Taking
from edgebnn.frontend.problems import Refusal, printable

_WHOLE_FACTORS = "resize by whole factors, to larger maps, or to smaller ones by powers of two"
_LARGEST = 2**16  # factor
Integers = npt.NDArray[np.int64]
# Where elements of the result lie in the map, in halves of n: from their places and the factor n / d.
_PLACES: dict[str, Callable[[Integers, int, int], Integers]] = {
    "asymmetric": lambda places, n, d: 2 * places * d,
    "half_pixel": lambda places, n, d: (2 * places + 1) * d - n,
    "pytorch_half_pixel": lambda places, n, d: (2 * places + 1) * d - n,
    "tf_half_pixel_for_nn": lambda places, n, d: (2 * places + 1) * d,
}
# The element next to so many halves of n.
_NEAREST: dict[str, Callable[[Integers, int], Integers]] = {
    "round_prefer_floor": lambda halves, n: -((n - halves) // (2 * n)),
    "round_prefer_ceil": lambda halves, n: (halves + n) // (2 * n),
    "floor": lambda halves, n: halves // (2 * n),
    "ceil": lambda halves, n: -(-halves // (2 * n)),
}


def _resize(node: OnnxNode, operands: Operands) -> Operation:
    """Copies of the nearest elements, by whole factors."""
    where = node.text("coordinate_transformation_mode", "half_pixel")
    nearest = node.text("nearest_mode", "round_prefer_floor")
    if operands.opset < 11:
        where, nearest = "asymmetric", "floor"
    if where not in _PLACES or nearest not in _NEAREST:
        raise Refusal(f"places elements by '{printable(where)}'", "use coordinates 'asymmetric' or 'half_pixel'")
    scales, sizes = (1, None) if operands.opset < 11 else (2, 3)
    return _resized(node, operands, scales, sizes, where, nearest)


def _upsample(node: OnnxNode, operands: Operands) -> Operation:
    """Copies of the nearest elements, by whole factors."""
    return _resized(node, operands, 1, None, "asymmetric", "floor")


def _resized(node: OnnxNode, operands: Operands, scales: int, sizes: int | None, where: str, nearest: str) -> Operation:
    mode = node.text("mode", "nearest")
    if mode != "nearest":
        raise Refusal(
            f"computes values between the map's own (mode '{printable(mode)}')",
            "resize in the mode 'nearest', which copies them",
        )
    if node.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Refusal("keeps an aspect ratio", "give the size of each axis")
    shape = operands.shape(0)
    axes = tuple(axis_of(axis, len(shape)) for axis in node.integers("axes") or range(len(shape)))
    factors = _factors(operands, scales, sizes, tuple(shape[axis] for axis in axes))
    if len(factors) != len(axes):
        raise Refusal("has another number of factors than of axes", "export the model again")
    taken = []
    for axis, factor in zip(axes, factors, strict=True):
        if factor == 1:
            continue
        if axis == 0:
            raise Refusal("resizes the batch", "resize the axes of the map alone")
        _check_whole(factor)
        last = shape[axis] - 1
        length = floor(shape[axis] * factor)
        if length < 1:
            raise Refusal("leaves nothing of an axis", _WHOLE_FACTORS)
        check_axis(length)
        halves = _PLACES[where](np.arange(length), factor.numerator, factor.denominator)
        if where == "pytorch_half_pixel" and length == 1:
            halves = np.zeros(1, np.int64)
        places = np.clip(_NEAREST[nearest](halves, factor.numerator), 0, last)
        taken.append(Taking(axis, tuple(places.tolist())))
    return OperationSequence(tuple(taken)) if taken else Forwarding()


def _factors(operands: Operands, scales: int, sizes: int | None, extents: tuple[int, ...]) -> tuple[Fraction, ...]:
    """The factor of each axis."""
    if sizes is not None and operands.has(sizes):
        lengths = as_integers(operands.constant(sizes, "sizes"), "sizes")
        return tuple(Fraction(length, extent) for length, extent in zip(lengths, extents, strict=False))
    given = operands.constant(scales, "factors").reshape(-1).tolist()
    if not all(0 < factor < _LARGEST for factor in given):
        raise Refusal("has factors that are not above zero, or too large", "export the model again")
    return tuple(map(Fraction, given))


def _check_whole(factor: Fraction) -> None:
    """Refusal where float32 would decide which element is the nearest."""
    whole = max(factor, 1 / factor) if 0 < factor < _LARGEST else Fraction(1, 2)
    if whole.denominator != 1 or (factor < 1 and whole.numerator & (whole.numerator - 1)):
        raise Refusal(f"resizes by a factor of {float(factor):.6g}", _WHOLE_FACTORS)


RESIZING: dict[str, Recogniser] = {"Resize": _resize, "Upsample": _upsample}
