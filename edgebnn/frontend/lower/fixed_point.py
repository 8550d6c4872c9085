"""Real values between layers as integers on a common grid, so that they can be added, joined and averaged.

Values whose scales are multiples of one number stay exactly what they are. Any other (a batch norm's output, a PReLU's)
is rounded to a grid far finer than float32 would round sums of its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from edgebnn.choices import choice
from edgebnn.frontend.activations.activation import Activation
from edgebnn.frontend.algebra.exact_numbers import Fractions, fractions_of
from edgebnn.frontend.algebra.interval_arithmetic import float32_errors
from edgebnn.frontend.algebra.linearity import piecewise_linear_of
from edgebnn.frontend.algebra.piecewise_linear import PiecewiseLinear, Segment
from edgebnn.frontend.layers.layer_sums import Line
from edgebnn.frontend.layers.network_builder import Emitter
from edgebnn.frontend.layers.network_nodes import NetworkNodes
from edgebnn.frontend.lower.affine_activations import as_lines, line_of
from edgebnn.frontend.lower.fixed_point_lines import LARGEST, common_unit, fixed_lines, unit_for
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import Affine, Kind, Tensor

# Bits of a rounded sum: far more than float32's 24, so that what is small beside other channels is as good as there,
# and with room for sums four times its size before a coarser grid is needed.
_BITS = 29
# Bits of a value that is rounded alone, or of the sum of many.
_WHOLE_BITS = 30


def aligned(emitter: Emitter, activations: Sequence[Activation]) -> tuple[Line, ...]:
    """Activations with one slope for all; their own integers where their scales allow it, rounded ones where not."""
    found = [line_of(emitter, activation) for activation in activations]
    own = [line for line in found if line is not None]
    if len(own) == len(found):
        unit = common_unit([slope for line in own for slope in set(line.slope.tolist()) if slope])
        if unit is not None and sum(_most(line, unit) for line in own) <= LARGEST:
            return tuple(_in_units(emitter.network, line, unit) for line in own)
    unit = _grid(own, [_largest(emitter, activation) for activation in activations])
    return tuple(
        line if line is not None and np.all(line.slope == unit) else rounded(emitter, activation, unit)
        for line, activation in zip(found, activations, strict=True)
    )


def rounded(emitter: Emitter, activation: Activation, unit: Fraction | None = None, terms: int = 1) -> Line:
    """The activation on a grid, by default one fine enough for its range and coarse enough for a sum of many terms.

    Refusal where it is no line with few knees.
    """
    unit = unit or unit_for(_largest(emitter, activation) * terms, _WHOLE_BITS)
    made = emitter.rounded.get((activation.value, unit))
    if made is None:
        made = emitter.rounded[activation.value, unit] = _rounded(emitter, activation, unit)
    return made


def times(network: NetworkNodes, line: Line, factors: Sequence[int], word: str) -> Line:
    """Its integers times a number for each channel, as sums under the tensor's name and `word`."""
    tensor = line.tensor
    reached = [factor * end for factor in {*factors} for end in (tensor.low, tensor.high)]
    name = f"{tensor.name}.{word}"
    output = Tensor(network.tensor_name(name), Kind.SUMS, tensor.shape, min(reached), max(reached))
    node = Affine(
        network.name(name),
        (tensor.name,),
        output,
        np.array(factors, np.int32)[:, np.newaxis],
        np.zeros((tensor.channels, 1), np.int64),
        np.empty((tensor.channels, 0), np.int32),
    )
    network.emit(node, tensor)
    slope = np.array([slope / (factor or 1) for slope, factor in zip(line.slope.tolist(), factors, strict=True)])
    return replace(line, tensor=output, slope=slope)


def _most(line: Line, unit: Fraction) -> Fraction:
    """The largest magnitude of the line's integers in these units."""
    largest: Fraction = np.abs(line.slope).max() / unit * max(line.largest, 1)
    return largest


def _grid(own: Sequence[Line], largest: Sequence[Fraction]) -> Fraction:
    """The unit of a rounded sum: that of a sum before it where it still fits, else a power of two for its range."""
    total = sum(largest, Fraction(0))
    for line in own:
        unit = line.slope[0]
        alike = line.tensor.kind is Kind.SUMS and unit > 0 and np.all(line.slope == unit)
        if alike and 2 ** (_BITS - 8) < total / unit < LARGEST / 2:
            return Fraction(unit)
    return unit_for(total, _BITS)


def _largest(emitter: Emitter, activation: Activation) -> Fraction:
    """A bound of the activation's magnitude."""
    activation = as_lines(emitter, activation)
    largest, within = 0, 1
    for piecewise in _piecewise_linear(activation):
        for segment, end in _ends(piecewise, activation.base):
            value, denominator = segment.ratio_at(end)
            if abs(value) * within > largest * denominator:
                largest, within = abs(value), denominator
    return Fraction(largest, within)


def _ends(piecewise: PiecewiseLinear, base: Tensor) -> list[tuple[Segment, int]]:
    """Each segment with the integers where it begins and ends."""
    starts = [*(segment.start for segment in piecewise[1:]), base.high + 1]
    return [(segment, at) for segment, end in zip(piecewise, starts, strict=True) for at in (segment.start, end - 1)]


def _piecewise_linear(activation: Activation) -> tuple[PiecewiseLinear, ...]:
    base, expression = activation.base, activation.expression
    piecewise = piecewise_linear_of(expression, base.low, base.high, base.channels)
    if piecewise is None:
        raise NoLine
    return piecewise


class NoLine(Refusal):
    """A value that cannot be put on a grid: a smooth activation, or a product of two functions of the sums."""

    def __init__(self) -> None:
        super().__init__(
            "adds, joins or averages a value that is no line with few knees of the sums before it",
            "put a quantiser of up to 8 bits behind the activation, use a Relu, or give "
            f"{choice('calibration', 'data.npz', 'x')}",
        )


def _in_units(network: NetworkNodes, line: Line, unit: Fraction) -> Line:
    """The same values in a unit that all slopes are multiples of."""
    factors = [int(slope / unit) for slope in line.slope.tolist()]
    if all(factor == 1 for factor in factors):
        return line
    scaled = times(network, line, factors, "scaled" if min(factors) > 0 else "signed")
    return replace(scaled, slope=_units(unit, line.tensor.channels))


def _units(unit: Fraction, channels: int) -> Fractions:
    units: Fractions = np.full(channels, unit, dtype=object)
    return units


def _rounded(emitter: Emitter, activation: Activation, unit: Fraction) -> Line:
    activation = as_lines(emitter, activation)
    functions = [piecewise for piecewise in _piecewise_linear(activation) for _ in range(activation.channels_each)]
    error = float32_errors(activation.expression, activation.base.low, activation.base.high, activation.base.channels)
    error = np.repeat(error, activation.channels_each)
    settled = emitter.settled(activation)
    base = settled.base
    lines = fixed_lines(functions, base, unit)
    if lines is None or max(-lines.low, lines.high) > LARGEST:
        raise Refusal("has values whose sizes differ too much for one grid", "scale the branches alike")
    shape, name = base.shape, f"{activation.value}.fixed"
    output = Tensor(emitter.network.tensor_name(name), Kind.SUMS, shape, lines.low, lines.high, float(unit))
    emitter.network.emit(lines.node(emitter.network.name(name), base, output), base)
    zero, error = fractions_of(np.zeros(base.channels, np.int8)), error + lines.error * float(unit)
    return Line(output, _units(unit, base.channels), zero, False, error, base, settled.expression)
