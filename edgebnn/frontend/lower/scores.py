"""The network's answer: what a model ends in, in int32."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from edgebnn.choices import choice
from edgebnn.frontend.activations.activation import Activation, check_axes, model_name
from edgebnn.frontend.algebra.exact_numbers import Fractions
from edgebnn.frontend.algebra.float32 import UNIT
from edgebnn.frontend.algebra.piecewise_linear import Segment
from edgebnn.frontend.layers.layer_sums import Line
from edgebnn.frontend.layers.network_builder import Emitter
from edgebnn.frontend.layers.network_nodes import NetworkNodes
from edgebnn.frontend.lower.affine_activations import line_of, takes_steps
from edgebnn.frontend.lower.fixed_point import NoLine, rounded
from edgebnn.frontend.lower.fixed_point_lines import FixedLines, fixed_lines, unit_for
from edgebnn.frontend.lower.taking import put_elements
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import Add, Affine, Kind, Linear, SumPool, Tensor, Threshold

_LIMIT = 2**31 - 1
# Bits of a score's magnitude, and a little more than its size, so that what is rounded up at the end still fits.
_BITS, _ROOM = 31, 1 + Fraction(1, 2**28)
# What float32 rounds of a score at least, of its product and of its sum: int32 is as good where it rounds no more.
_FLOAT32_ROUNDING = 2 * UNIT
# What a few float32 operations may round of a score: less than this share of it shows in no answer of the model.
_VISIBLE = 8 * UNIT
# Units that are tried for the scores, so that the multipliers of few channels round well together.
_CANDIDATES = 4096
_COMMON = 64  # slopes and shifts of which a common unit is looked for
_PRODUCTS = 1 << 22  # candidates times slopes, so that many channels cost no more memory than few


@dataclass(frozen=True)
class Scores:
    """How close the network's scores are to the model's float32 ones, in the model's units, and what to tell a user."""

    error: float
    notes: tuple[str, ...] = ()


def emit_scores(emitter: Emitter, activation: Activation, node: str) -> Scores:
    """Ends the network in the activation; Refusal where it holds no scores.

    Where that is an affine function of a tensor, the real score is a[c] * n + b[c], exactly; the network's is
    (multiplier[c] * n + offset[c]) >> shift with one real value for its unit, chosen as fine as int32 allows. One
    common a > 0 without b needs no affine: the integers are the scores. A function with knees goes through fixed point.
    Says so in a note where int32 rounds a score more than float32 would. Scores whose axes the model has in another
    order than the network are put in the model's.
    """
    if not any(isinstance(made, Linear) for made in emitter.network.nodes):
        raise Refusal("ends without a layer of weights", "there is nothing to compile")
    check_axes(activation)
    if activation.padding is not None:
        raise Refusal("ends in a padding", "let the model end in the scores")
    if activation.elements == "bool":
        raise Refusal("ends in a comparison's yes or no", "let the model end in the scores")
    scores = _emit_scores(emitter, activation, node)
    if not activation.view.plain:
        _put_as_in_the_model(emitter.network, activation, node)
    return scores


def _emit_scores(emitter: Emitter, activation: Activation, node: str) -> Scores:
    line = _line_of(emitter, activation)
    if np.all(line.slope == line.slope[0]) and line.slope[0] > 0 and not np.any(line.shift != 0):
        _end_in(emitter.network, line.tensor, activation.value, float(line.slope[0]), node)
        return Scores(float(line.error.max()))
    return _emit_affine(emitter.network, line, activation.value, node)


def _put_as_in_the_model(network: NetworkNodes, activation: Activation, node: str) -> None:
    """The scores, which the network has made channel first, in the order and under the shape that the model gives."""
    last = network.nodes[-1]
    made = replace(last.output, kind=Kind.SUMS)
    network.nodes[-1] = replace(last, output=made)
    places = activation.view.places(made.shape)
    output = replace(last.output, name=network.tensor_name(model_name(activation)), shape=places.shape)
    put_elements(network, made, places, node, output)


def _line_of(emitter: Emitter, activation: Activation) -> Line:
    if takes_steps(activation):
        line = line_of(emitter, activation)
        if line is not None:
            # Where float32 may turn the last steps themselves, a score can be the next one.
            steps = [made for made in emitter.network.nodes if isinstance(made, Threshold)]
            turned = steps[-1].step if steps and steps[-1].ambiguous else 0
            return replace(line, error=line.error + np.abs(line.slope.astype(np.float64)) * turned)
    try:
        return line_of(emitter, activation) or rounded(emitter, activation)
    except NoLine as curved:
        raise Refusal(
            "ends in a curve, and scores are lines with few knees of the last sums",
            "let the model end before it, put a quantiser of up to 8 bits behind it, or give "
            f"{choice('calibration', 'data.npz', 'x')} to round it to 8 bits here",
        ) from curved


def _end_in(network: NetworkNodes, base: Tensor, value: str, scale: float, node: str) -> None:
    """The tensor's integers as they are become the scores."""
    last = network.nodes[-1]
    if last.output is base and base.kind is Kind.SUMS and isinstance(last, (Linear, Add, SumPool, Affine)):
        name = base.name if value == base.name else network.tensor_name(value)
        network.nodes[-1] = replace(last, output=replace(base, name=name, kind=Kind.SCORES, scale=scale))
        return
    ones, none = np.ones((base.channels, 1), np.int32), np.zeros((base.channels, 1), np.int64)
    name = network.tensor_name(value)
    output = replace(base, name=name, kind=Kind.SCORES, scale=scale)
    knees = np.empty((base.channels, 0), np.int32)
    network.emit(Affine(network.name(node), (base.name,), output, ones, none, knees), base)


def _emit_affine(network: NetworkNodes, line: Line, value: str, node: str) -> Scores:
    base = line.tensor
    reach = np.abs(line.slope) * _bound(base) + np.abs(line.shift)
    unit, lines = _in_int32(line, reach)
    _check_visible(line, reach, unit)
    high = max(-lines.low, lines.high)
    output = Tensor(network.tensor_name(value), Kind.SCORES, base.shape, -high, high, float(unit))
    network.emit(lines.node(network.name(node), base, output), base)
    # float64 rounds the scores where they are compared with the model's.
    doubles = 4 * float(np.finfo(np.float64).eps) * float(unit) * high
    rounding = lines.error * float(unit)
    error = float(rounding.max()) + doubles
    notes = (f"the scores are rounded to int32 and lie within {error:.2g} of the exact ones, at most{_but(network)}",)
    return Scores(float(line.error.max()) + error, notes if np.any(rounding > line.error) else ())


def _but(network: NetworkNodes) -> str:
    """What a bound of the scores does not hold for: a step before them that float32 takes otherwise."""
    count = sum(made.ambiguous for made in network.nodes if isinstance(made, Threshold))
    if not count:
        return ""
    return f"; the model's own lie farther off where float32 decides one of {count} ambiguous thresholds otherwise"


def _in_int32(line: Line, reach: Fractions) -> tuple[Fraction, FixedLines]:
    """The scores' unit and lines. The model's own unit, so that nothing is rounded; or int32 multipliers and no shift,
    which cost a small processor least, where they round less than float32 does; or products of 64 bits and a shift."""
    base = line.tensor
    functions = [(Segment(base.low, a, b),) for a, b in zip(line.slope.tolist(), line.shift.tolist(), strict=True)]
    unit = _common_unit(line, reach)
    if unit is not None:
        return unit, _taken(fixed_lines(functions, base, unit))
    unit = Fraction(_unit(line.slope.astype(np.float64), line.shift.astype(np.float64), _bound(base)))
    plain = _taken(fixed_lines(functions, base, unit, largest_shift=0))
    if np.all(plain.error * float(unit) <= _FLOAT32_ROUNDING * reach.astype(np.float64)):
        return unit, plain
    unit = unit_for(max(reach.tolist()) * _ROOM, _BITS)
    return unit, _taken(fixed_lines(functions, base, unit))


def _taken(lines: FixedLines | None) -> FixedLines:
    assert lines is not None, "the unit was chosen so that int32 holds the scores"
    return lines


def _bound(base: Tensor) -> int:
    return max(abs(base.low), abs(base.high))


def _check_visible(line: Line, reach: Fractions, unit: Fraction) -> None:
    """Refusal where a score is less than one unit from end to end, though float32 shows it beside its offset."""
    spans = np.abs(line.slope) * (2 * _bound(line.tensor))
    visible = spans.astype(np.float64) > 2 * _VISIBLE * reach.astype(np.float64)
    lost = visible & np.array([span < unit for span in spans.tolist()])
    if np.any(lost):
        raise Refusal(
            f"has scores so unequal in size that int32 loses all of score {int(np.argmax(lost))}",
            "scale the scores alike: leave out a huge bias, or the class that it masks",
        )


def _common_unit(line: Line, reach: Fractions) -> Fraction | None:
    """The real number of which all slopes and shifts are multiples, so that no score is rounded; None without one."""
    numbers = {abs(number) for part in (line.slope, line.shift) for number in part.tolist() if number}
    if not numbers or len(numbers) > _COMMON or max(number.denominator for number in numbers) > 2**40:
        return None
    denominator = math.lcm(*(number.denominator for number in numbers))
    unit = Fraction(math.gcd(*(int(number * denominator) for number in numbers)), denominator)
    fits = max(reach.tolist()) / unit <= _LIMIT and Fraction(float(unit)) == unit
    return unit if fits else None


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
