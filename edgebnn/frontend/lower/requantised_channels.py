"""Inputs of a layer whose channels have scales of their own, as integers of one grid.

A deviation for each colour, or a batch norm on the raw input: a neuron adds channels that are worth different amounts.
A multiplier for each channel, in fixed point, makes integers of one unit of them, so that the layer's weights stay as
they are, and binary where they were. The integers are as fine as float32 shows the largest of them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.activations.activation import Activation
from edgebnn.frontend.algebra.exact_numbers import Fractions
from edgebnn.frontend.algebra.float32 import float32_holds
from edgebnn.frontend.algebra.piecewise_linear import Segment
from edgebnn.frontend.layers.integer_weights import IntegerWeights, int8_parts
from edgebnn.frontend.layers.layer_builder import LARGEST_SUM
from edgebnn.frontend.layers.layer_sums import LayerInput, Line, largest_sum
from edgebnn.frontend.layers.network_builder import Emitter
from edgebnn.frontend.layers.network_nodes import NetworkNodes
from edgebnn.frontend.layers.summation_error import dot_error, weighted
from edgebnn.frontend.lower.fixed_point_lines import FixedLines, common_unit, fixed_lines
from edgebnn.frontend.problems import Refusal, printable
from edgebnn.network.types import Kind, Rounding, Tensor

# The largest integer of a grid: with its sign it has the 24 bits of a float32.
_FINEST = 2**23 - 1
# With fewer of them the sums of 32 bits would be no better than those of int8 weights.
_COARSEST = 2**8


def on_one_grid(
    emitter: Emitter,
    node: str,
    activation: Activation,
    line: Line,
    weights: IntegerWeights,
    groups: int,
    padding: float | None,
) -> LayerInput:
    """What the layer `node` reads, a line of the integers of `activation`'s base, on a grid that int32 sums allow.

    `padding` is what the layer pads it with. Refusal where the sums are too long for a grid of some bits.
    """
    most = sum(largest_sum(part, weights.kind) for part in int8_parts(weights.integers))
    unit = _unit(line, most, padding)
    key = f"{activation.value}.on_one_grid", unit
    if key not in emitter.rounded:
        emitter.rounded[key] = _made(emitter.network, node, key[0], line, unit)
    made = emitter.rounded[key]
    source = emitter.spread(replace(activation, base=made.tensor, value=made.tensor.name), made)
    each = source.tensor.channels // len(line.error)
    off = source.error - np.repeat(line.error, each)
    source = replace(source, reach=np.repeat(line.reach, each) + off, error_of=Rounding.UNEQUAL_SCALES)
    emitter.notes.add(_sentence(node, source, off, 0.0 if padding is None else 0.5 * float(unit), weights, groups))
    return source


def _made(network: NetworkNodes, node: str, name: str, line: Line, unit: Fraction) -> Line:
    """The node that makes the grid's integers, and what they are worth."""
    base, lines = line.tensor, _lines(line, unit)
    output = Tensor(network.tensor_name(name), Kind.SUMS, base.shape, lines.low, lines.high, float(unit))
    network.emit(lines.node(network.name(f"{node}.on_one_grid"), base, output), base)
    exact = not lines.error.any() and float32_holds(unit, max(-lines.low, lines.high))
    slope: Fractions = np.array([-unit if each < 0 else unit for each in line.slope.tolist()], dtype=object)
    return Line(output, slope, line.shift, exact, line.error + lines.error * float(unit))


def _unit(line: Line, most: int, padding: float | None) -> Fraction:
    """What the grid's integers are worth, for weights of which a neuron has `most`: exact where it can be."""
    slope: Fractions = np.abs(line.slope)
    largest = Fraction(slope.max()) * line.largest
    missing = 0 if padding is None else max(abs(Fraction(padding) - each) for each in set(line.shift.tolist()))
    integers = min(_FINEST, math.floor((Fraction(LARGEST_SUM, most) - 2) / (1 + missing / largest)))
    if integers < _COARSEST:
        raise Refusal(
            f"adds so many channels of different scales that sums of 32 bits leave {max(integers, 0)} steps for each",
            "scale all channels alike, or use fewer inputs a neuron",
        )
    # Multiples of the input's own integers where there is room, so that the channel of the largest scale is exact.
    integers -= integers % line.largest if integers >= line.largest else 0
    finest, common = largest / integers, common_unit(slope.tolist())
    return common if common is not None and common >= finest else finest


def _lines(line: Line, unit: Fraction) -> FixedLines:
    low = line.tensor.low
    lines = fixed_lines([(Segment(low, abs(each), Fraction(0)),) for each in line.slope.tolist()], line.tensor, unit)
    assert lines is not None, "no slope is more than the grid's integers"
    return lines


def _sentence(
    node: str, grid: LayerInput, off: npt.NDArray[np.float64], start: float, weights: IntegerWeights, groups: int
) -> str:
    """What a user should know: of how many bits the grid is, and how far its sums lie from those of real numbers.

    `off` (C,) is how far the grid's integers are, `start` how far what sums at the border start from.
    """
    bits = grid.tensor.bits
    what = f"the channels that layer '{printable(node)}' reads have scales of their own; integers of {bits} bits "
    if not off.any():
        return f"{what}hold them exactly"
    largest = weighted(weights.integers, grid.largest, groups)
    sums = np.where(largest > 0, largest, np.inf)  # of a neuron of zeros no sum is off
    moved = ((weighted(weights.integers, off, groups) + start) / sums).max()
    rounded = (dot_error(weights.integers, grid.largest, groups) / sums).max()
    return (
        f"{what}hold them, so that no sum is off by more than {moved:.1e} of the largest (float32 may round "
        f"{rounded:.1e} of it)"
    )
