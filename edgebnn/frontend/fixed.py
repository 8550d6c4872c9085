"""Fixed point: real values between layers as integers on a common grid, so that they can be added, joined and averaged.

A value that is integers times one scale already stays as it is. Any other (a batch norm's output, a PReLU's) is rounded
to a grid far finer than float32 would round sums of its size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from edgebnn.frontend.analysis import affine_of, has_steps
from edgebnn.frontend.bends import Bent, Segment, bent_of
from edgebnn.frontend.emission import Emitter, spread_fractions
from edgebnn.frontend.expressions import fractions_of
from edgebnn.frontend.fixed_lines import fixed_lines
from edgebnn.frontend.intervals import float32_error
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.signals import Signal
from edgebnn.frontend.sums import Fixed
from edgebnn.network.types import Affine, Kind, Tensor

LARGEST = 2**31 - 2
# Bits of a rounded value: more than float32's 24, with room for sums of some thirty values of that size in int32.
_BITS = 26
# The largest ratio of two scales that counts as one grid, so that nothing has to be rounded.
_LARGEST_RATIO = 2**12


def natural(emitter: Emitter, signal: Signal) -> Fixed | None:
    """The signal's own integers, where one scale turns them into its values; None where there is none."""
    if signal.padding is not None:
        raise Refusal("works on a padded map", "pad right before the convolution or the pool")
    if takes_steps(signal):
        source = emitter.source(signal)
        scale = source.scale
        if scale is None:
            return None
        return Fixed(source.tensor, scale, source.offset, source.exact, source.error / float(scale))
    base = signal.base
    line = affine_of(signal.expression, base.low, base.high, base.channels)
    if line is None or line[0][0] <= 0 or np.any(line[0] != line[0][0]):
        return None
    plain = signal.expression is signal.leaf
    unit = line[0][0]
    error = float(signal.leaf.error.max()) if plain else _float_error(signal) / float(unit)
    settled = emitter.settled(signal)
    offset = spread_fractions(line[1], settled.base)
    return Fixed(settled.base, unit, offset, plain and signal.leaf.exact, error)


def takes_steps(signal: Signal) -> bool:
    """Whether the signal is a few levels: comparisons that only choose between lines make knees instead."""
    if not has_steps(signal.expression):
        return False
    base = signal.base
    bent = bent_of(signal.expression, base.low, base.high, base.channels)
    return bent is None or all(segment.slope == 0 for segments in bent for segment in segments)


def aligned(emitter: Emitter, signals: Sequence[Signal]) -> tuple[Fixed, ...]:
    """The signals with one unit for all; their own integers where their scales allow it, rounded ones where not."""
    found = [natural(emitter, signal) for signal in signals]
    own = [fixed for fixed in found if fixed is not None]
    if len(own) == len(found):
        unit = _common([fixed.unit for fixed in own])
        if unit is not None and all(fixed.unit / unit * fixed.largest * len(own) <= LARGEST for fixed in own):
            return tuple(_in_units(emitter, fixed, unit) for fixed in own)
    unit = _grid(own, [_largest(emitter, signal) for signal in signals])
    return tuple(
        fixed if fixed is not None and fixed.unit == unit else rounded(emitter, signal, unit)
        for fixed, signal in zip(found, signals, strict=True)
    )


def rounded(emitter: Emitter, signal: Signal, unit: Fraction | None = None, terms: int = 1) -> Fixed:
    """The signal on a grid, by default one fine enough for its range and coarse enough for a sum of many terms.

    Refusal where it is no line with few knees.
    """
    unit = unit or _grid([], [_largest(emitter, signal)]) * max(1, 2 ** (terms.bit_length() + _BITS - 31))
    made = emitter.rounded.get((signal.value, unit))
    if made is None:
        made = emitter.rounded[signal.value, unit] = _rounded(emitter, signal, unit)
    return made


def times(emitter: Emitter, fixed: Fixed, factor: int, word: str) -> Fixed:
    """The integers times a small number, as sums under the tensor's name and `word`."""
    tensor = fixed.tensor
    low, high = sorted((factor * tensor.low, factor * tensor.high))
    output = Tensor(emitter.tensor_name(f"{tensor.name}.{word}"), Kind.SUMS, tensor.shape, low, high)
    node = Affine(
        emitter.name(f"{tensor.name}.{word}"),
        (tensor.name,),
        output,
        np.full((tensor.channels, 1), factor, np.int32),
        np.zeros((tensor.channels, 1), np.int64),
        np.empty((tensor.channels, 0), np.int32),
    )
    emitter.emit(node, tensor)
    return replace(fixed, tensor=output)


def _common(units: Sequence[Fraction]) -> Fraction | None:
    """The largest number of which all are small multiples."""
    denominator = math.lcm(*(unit.denominator for unit in units))
    common = Fraction(math.gcd(*(int(unit * denominator) for unit in units)), denominator)
    return common if all(unit / common <= _LARGEST_RATIO for unit in units) else None


def _grid(own: Sequence[Fixed], largest: Sequence[float]) -> Fraction:
    """The unit of a rounded sum: that of a sum before it where it still fits, else a power of two for its range."""
    total = sum(largest)
    for fixed in own:
        if fixed.tensor.kind is Kind.SUMS and 2 ** (_BITS - 8) < total / float(fixed.unit) < LARGEST / 2:
            return fixed.unit
    if total == 0:
        return Fraction(1)
    exponent = math.ceil(math.log2(total)) - _BITS
    return Fraction(2) ** exponent


def _largest(emitter: Emitter, signal: Signal) -> float:
    """A bound of the signal's magnitude."""
    if takes_steps(signal):
        return emitter.source(signal).largest
    values = [abs(segment.at(end)) for bent in _bent(signal) for segment, end in _ends(bent, signal.base)]
    return float(max(values, default=Fraction(0)))


def _ends(bent: Bent, base: Tensor) -> list[tuple[Segment, int]]:
    """Each segment with the integers where it begins and ends."""
    starts = [*(segment.start for segment in bent[1:]), base.high + 1]
    return [(segment, at) for segment, end in zip(bent, starts, strict=True) for at in (segment.start, end - 1)]


def _bent(signal: Signal) -> tuple[Bent, ...]:
    base = signal.base
    bent = bent_of(signal.expression, base.low, base.high, base.channels)
    if bent is None:
        raise Refusal(
            "adds, joins or averages a value that is no line with few knees of the sums before it",
            "use a plain sum of layers, with batch norm, Relu or PReLU at most",
        )
    return bent


def _float_error(signal: Signal) -> float:
    base = signal.base
    return float32_error(signal.expression, base.low, base.high, base.channels)


def _in_units(emitter: Emitter, fixed: Fixed, unit: Fraction) -> Fixed:
    """The same values in a unit that theirs is a multiple of."""
    factor = int(fixed.unit / unit)
    if factor == 1:
        return fixed
    return replace(times(emitter, fixed, factor, "scaled"), unit=unit, error=fixed.error * factor)


def _lines(emitter: Emitter, signal: Signal) -> tuple[Tensor, list[Bent], float]:
    """A tensor, what each channel's integers are worth, and how far the model's float32 values may be from that."""
    if takes_steps(signal):
        source = emitter.source(signal)
        tensor, lines = source.tensor, zip(source.slope.tolist(), source.offset.tolist(), strict=True)
        bents: list[Bent] = [(Segment(tensor.low, slope, offset),) for slope, offset in lines]
        return tensor, bents, source.error + 2**-23 * source.largest
    bents = [bent for bent in _bent(signal) for _ in range(signal.channels_each)]
    return emitter.settled(signal).base, bents, _float_error(signal)


def _rounded(emitter: Emitter, signal: Signal, unit: Fraction) -> Fixed:
    base, bents, float_error = _lines(emitter, signal)
    lines = fixed_lines(bents, base, unit)
    if lines is None or max(-lines.low, lines.high) > LARGEST:
        raise _unequal()
    shape, name = base.shape, f"{signal.value}.fixed"
    output = Tensor(emitter.tensor_name(name), Kind.SUMS, shape, lines.low, lines.high, float(unit))
    emitter.emit(lines.node(emitter.name(name), base, output), base)
    error = float_error / float(unit) + float(lines.error.max())
    return Fixed(output, unit, fractions_of(np.zeros(base.channels, np.int8)), False, error)


def _unequal() -> Refusal:
    return Refusal("has values whose sizes differ too much for one grid", "scale the branches alike")
