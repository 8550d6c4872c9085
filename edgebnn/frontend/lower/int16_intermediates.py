"""What a layer reads of the sums of another one, with nothing but lines between the two: integers of 16 bits.

A temporal convolution, its batch norm and a padded spatial one; a depthwise convolution and a pointwise one. Where such
layers do not become one (`composition.py`), the first one's sums pass to the second one: as they are where the channels
that a neuron reads have scales that are multiples of one number, else on a grid that holds all that they can be.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from edgebnn.choices import choice
from edgebnn.frontend.activations.activation import Activation
from edgebnn.frontend.algebra.exact_numbers import Fractions, fractions_of
from edgebnn.frontend.algebra.linearity import affine_of
from edgebnn.frontend.algebra.monotonicity import has_steps
from edgebnn.frontend.algebra.piecewise_linear import Segment
from edgebnn.frontend.layers.integer_weights import IntegerWeights
from edgebnn.frontend.layers.layer_sums import LayerInput, Line, largest_sum
from edgebnn.frontend.layers.network_builder import Emitter, is_short
from edgebnn.frontend.layers.network_nodes import NetworkNodes
from edgebnn.frontend.lower.affine_activations import line_of
from edgebnn.frontend.lower.fixed_point_lines import LARGEST, FixedLines, common_unit, fixed_lines, unit_for
from edgebnn.frontend.problems import Refusal, printable
from edgebnn.network.types import Kind, Linear, Node, Rounding, Tensor, Threshold

_LARGEST_INTEGER = 2**15 - 1
# A little more than the size of a value, so that what is rounded up still fits.
_ROOM = 1 + Fraction(1, 2**7)
# Below so many levels to each side a grid shows less than 8 bits would.
_FEWEST_LEVELS = 2**10
# Inputs of inputs, through layers in a row, that one sum may have. Sums of n numbers that do not agree have a size of
# their range over the root of n: of the 16 bits of that range they then use 8 at least.
_MOST_TERMS = 2**16


def integers_between(
    emitter: Emitter, activation: Activation, weights: IntegerWeights, groups: int, node: str
) -> LayerInput | None:
    """What layer `node` reads of other layers' sums behind lines; None where it reads steps, the input, or knees.

    Refusal where too many layers stand in a row.

    With calibration data such values are rounded to the 8 bits that these show instead.
    """
    base = activation.base
    if emitter.calibration is not None or base.kind is not Kind.SUMS or has_steps(activation.expression):
        return None
    if affine_of(activation.expression, base.low, base.high, base.channels) is None or is_short(activation):
        return None
    most = min(_LARGEST_INTEGER, LARGEST // largest_sum(weights.integers, weights.kind))
    terms = _terms(emitter.network.nodes, base)
    if most < _FEWEST_LEVELS or terms > _MOST_TERMS:
        raise Refusal(
            f"reads the sums of layers in a row, of {terms} inputs of inputs each, for which 16 bits are too coarse",
            "put a sign or a quantiser of up to 8 bits between the layers, or give "
            f"{choice('calibration', 'data.npz', 'x')}",
        )
    line = line_of(emitter, activation)
    assert line is not None, "it was a line before its pools were made nodes"
    made = _as_they_are(emitter.network, line, groups, most) or _on_a_grid(emitter, line, groups, most, node)
    return LayerInput(made.tensor, made.slope, made.shift, made.exact, made.error, error_of=Rounding.BETWEEN_LAYERS)


def _as_they_are(network: NetworkNodes, line: Line, groups: int, most: int) -> Line | None:
    """The line's own integers where those of each group are multiples of one number, and small enough."""
    units = []
    for slopes in np.split(line.slope, groups):
        unit = common_unit([slope for slope in slopes.tolist() if slope])
        if unit is None or np.abs(slopes).max() / unit * max(line.largest, 1) > most:
            return None
        units += [unit] * len(slopes)
    slope = _array(units)
    none = fractions_of(np.zeros(len(units), np.int8))
    tensor, _ = _integers(network, line, line.slope / slope, none)
    return Line(tensor, slope, line.shift, line.exact, line.error)


def _on_a_grid(emitter: Emitter, line: Line, groups: int, most: int, node: str) -> Line:
    """The line on a grid for each group, as fine as so many integers allow."""
    bits = (most + 1).bit_length() - 1
    reach = np.abs(line.slope) * line.largest + np.abs(line.shift)
    units = [unit_for(max(each.tolist()) * _ROOM, bits) for each in np.split(reach, groups)]
    slope = np.repeat(_array(units), len(reach) // groups)
    tensor, lines = _integers(emitter.network, line, line.slope / slope, line.shift / slope)
    rounding = lines.error * slope.astype(np.float64)
    emitter.notes.add(
        f"layer '{printable(node)}' reads the sums of another one with no sign or quantiser between them: they are "
        f"rounded to 16 bits, by at most {rounding.max():.2g}"
    )
    none = fractions_of(np.zeros(len(slope), np.int8))
    return Line(tensor, slope, none, False, line.error + rounding)


def _integers(network: NetworkNodes, line: Line, slope: Fractions, shift: Fractions) -> tuple[Tensor, FixedLines]:
    """slope[c] * n + shift[c] of the line's integers, rounded to integers."""
    base = line.tensor
    functions = [(Segment(base.low, a, b),) for a, b in zip(slope.tolist(), shift.tolist(), strict=True)]
    lines = fixed_lines(functions, base, Fraction(1))
    assert lines is not None, "slopes are as small as the integers"
    name = f"{base.name}.narrow"
    output = Tensor(network.tensor_name(name), Kind.INTEGERS, base.shape, lines.low, lines.high)
    network.emit(lines.node(network.name(name), base, output), base)
    return output, lines


def _array(numbers: list[Fraction]) -> Fractions:
    made: Fractions = np.empty(len(numbers), dtype=object)
    made[:] = numbers
    return made


def _terms(nodes: list[Node], tensor: Tensor) -> int:
    """How many values of few levels, or of the input, a sum of a tensor has in the end."""
    terms: dict[str, int] = {}
    for node in nodes:
        before = max(terms.get(source, 1) for source in node.sources)
        of_layer = node.fan_in if isinstance(node, Linear) else 1
        terms[node.output.name] = 1 if isinstance(node, Threshold) else before * of_layer
    return terms.get(tensor.name, 1)
