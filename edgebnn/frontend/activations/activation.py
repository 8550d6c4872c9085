"""What flows through a model between its layers: integers of the network, and what the model makes of them.

An `Activation` is a value between layers that is no tensor yet: elementwise operators collect in an expression over the
integers of a tensor that exists in the network already, pools and reshapes wait in line. So a sign that comes after a
pool can still be taken before it, where its tensor is bits instead of sums.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.activations.axis_order import AxisOrder, plain_view
from edgebnn.frontend.activations.element_moves import MOST_AXES, Moves
from edgebnn.frontend.algebra.exact_numbers import Effort, check_operators
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, Leaf, alike, parts
from edgebnn.frontend.algebra.integer_sets import IntegerGrid
from edgebnn.frontend.algebra.interval_arithmetic import reach_of
from edgebnn.frontend.dialects.smooth_activations import product_as_curve
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.operations import Call, Elementwise, Operand, Padding, Term
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.thresholds.step_search import observed_directions
from edgebnn.network.types import Tensor, Window

# Far above any network for a microcontroller, far below what would fill a machine's memory: the values of one tensor,
# and its channels, each of which has its own exact arithmetic.
MAX_TENSOR_SIZE = 2**24
MAX_CHANNELS = 2**18
_CHANNEL_FIRST = ".channel_first"
_LARGEST_WHOLE = 2**24  # integers up to here are float32 values, in which expressions are evaluated


def check_size(shape: tuple[int, ...]) -> None:
    """Refusal where a tensor of this shape is too large to be worked on."""
    if prod(shape) > MAX_TENSOR_SIZE or shape[0] > MAX_CHANNELS:
        raise Refusal(
            f"has values of shape {list(shape)}, more than {MAX_TENSOR_SIZE} or than {MAX_CHANNELS} channels",
            "use a smaller input, or pool earlier",
        )


@dataclass(frozen=True, eq=False)
class Pooled:
    """A pool in waiting. `direction` (C,) is that of the function under it: the largest of f(n) is f of the largest n
    where f rises, and of the smallest n where it falls. `source` is the model's name for what is pooled, `function`
    the expression under the pool."""

    node: str
    source: str
    function: Expression
    shape: tuple[int, ...]
    window: Window
    direction: npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Reshaped:
    """A reshape in waiting, of the value `source`, which is `function` of the integers."""

    node: str
    source: str
    function: Expression
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Activation:
    """A value of the model: `expression` of the integers of `base`, then `waiting` in order.

    `shape` is that of the value as the network holds it, channel first and without the batch axis; after a flatten in
    waiting, each channel of the base has become shape[0] / base.channels channels. `elements` is `float`, `bool` or
    `integer`; `value` is the model's name for it, `padding` a constant padding that the next layer has to take in.
    With `moves` the model is about to put its elements elsewhere.
    """

    base: Tensor
    grid: IntegerGrid
    leaf: Leaf
    expression: Expression
    shape: tuple[int, ...]
    value: str
    elements: str
    waiting: tuple[Pooled | Reshaped, ...] = ()
    padding: Padding | None = None
    model_view: AxisOrder | None = None
    moves: Moves | None = None

    @property
    def view(self) -> AxisOrder:
        """How the model sees the value: as the network holds it where nothing else is said."""
        return self.model_view or plain_view(len(self.shape))

    @property
    def model_shape(self) -> tuple[int, ...]:
        """The value's shape in the model, without the batch axis."""
        if self.moves is not None:
            return self.moves.shape
        return self.view.shape(self.shape)

    @property
    def channels_each(self) -> int:
        """How many channels of the value one channel of the base has become."""
        return self.shape[0] // self.base.channels


def pooled(activation: Activation, window: Window | None, node: str, value: str, effort: Effort) -> Activation:
    """The largest values of an activation under a window; None is the whole map. `effort` is left for the model."""
    spatial = activation.shape[1:]
    window = _with_padding(activation, window_on(activation, window))
    extents = checked_extents(activation, window)
    if _sees_only_padding(window, spatial, extents):
        raise Refusal("has windows that lie wholly in the padding", "use less padding")
    if activation.elements == "bool":
        raise Refusal("pools a comparison's yes or no", "turn it into -1 and 1, or 0 and 1, first")
    direction = observed_directions(activation.expression, activation.leaf, activation.grid, effort)
    shape = (activation.shape[0], *extents)
    down = np.where(direction < 0, -1, 1).astype(np.int8)
    step = Pooled(node, activation.value, activation.expression, shape, window, down)
    return replace(activation, shape=shape, value=value, waiting=(*activation.waiting, step), padding=None)


def window_on(activation: Activation, window: Window | None) -> Window:
    """A pool's window on an activation, None being the whole map; Refusal where it has other axes than the map."""
    check_channel_first(activation)
    spatial = activation.shape[1:]
    if window is None:
        zero = (0,) * len(spatial)
        return Window(spatial, (1,) * len(spatial), (1,) * len(spatial), zero, zero)
    if len(window.kernel) != len(spatial):
        raise Refusal(f"pools over {len(window.kernel)} axes of a map with {len(spatial)}", "export the model again")
    return window


def checked_extents(activation: Activation, window: Window) -> tuple[int, ...]:
    """What is left of an activation's map under a window; Refusal where that is nothing, or too much."""
    extents = window.extents(activation.shape[1:])
    if min(extents, default=0) < 1:
        raise Refusal(
            f"has a window larger than its map {list(activation.shape[1:])}", "use a smaller kernel or more padding"
        )
    check_size((activation.shape[0], *extents))
    return extents


def check_axes(activation: Activation) -> None:
    """Refusal where the model sees a value with more axes than a network's tensor has."""
    if activation.moves is not None:
        raise Refusal(
            f"works on a value with {len(activation.moves.shape)} axes behind the batch",
            f"join axes (reshape) before it, so that {MOST_AXES} are left at most: channels, rows and columns",
        )


def check_channel_first(activation: Activation) -> None:
    """Refusal where the model sees the map in another order than (channels, rows, columns)."""
    if not activation.view.plain:
        raise NotChannelFirst(activation, activation.view.axes)


class NotChannelFirst(Refusal):
    """An operator that wants (channels, rows, columns) gets a map that the model sees in another order."""

    def __init__(self, activation: Activation, axes: tuple[int, ...]) -> None:
        super().__init__(
            f"works on a map whose axes are in another order (channels, rows and columns are {list(axes)})",
            "transpose the map to (batch, channels, height, width) before it",
        )
        self.activation = activation
        self.axes = axes


def _with_padding(activation: Activation, window: Window) -> Window:
    """The pool's window with a constant padding before it taken in, which must not win against any value."""
    padding = activation.padding
    if padding is None:
        return window
    lowest = -np.inf if not isinstance(activation.expression, Apply) else _lowest(activation)
    if padding.value > lowest:
        raise Refusal(
            f"pools over a padding of {padding.value:g}, which can be larger than a value of the map",
            "let the pool pad by itself, or pad with the lowest value",
        )
    begin = tuple(map(sum, zip(window.pad_begin, padding.begin, strict=True)))
    end = tuple(map(sum, zip(window.pad_end, padding.end, strict=True)))
    return replace(window, pad_begin=begin, pad_end=end)


def _lowest(activation: Activation) -> float:
    """The lowest value that a sign gives; -infinity for anything else."""
    last = activation.expression
    if isinstance(last, Apply) and last.operator == "StraightThrough":
        last = last.operands[0]
    if isinstance(last, Apply) and last.operator == "Sign":
        return -1.0
    if isinstance(last, Apply) and last.operator == "Where":
        ends = [float(part.values.min()) for part in last.operands[1:] if isinstance(part, Constant)]
        return min(ends) if len(ends) == 2 else -np.inf
    return -np.inf


def _sees_only_padding(window: Window, spatial: tuple[int, ...], extents: tuple[int, ...]) -> bool:
    for axis, extent in enumerate(spatial):
        starts = np.arange(extents[axis]) * window.stride[axis] - window.pad_begin[axis]
        # The first tap at or behind the map's beginning; only if it lies in the map is there a true value.
        taps = np.maximum(0, -(starts // window.dilation[axis]))
        first = starts + taps * window.dilation[axis]
        if np.any((taps >= window.kernel[axis]) | (first >= extent)):
            return True
    return False


def transposed(activation: Activation, order: tuple[int, ...], node: str, value: str) -> Activation:
    """The activation with the model's axes (the batch first) in another order; nothing moves in the network."""
    if order[0] != 0 or sorted(order) != list(range(len(activation.shape) + 1)):
        raise Refusal("moves the batch axis, or has a permutation that does not suit its input", "keep the batch first")
    view = activation.view.transposed(tuple(axis - 1 for axis in order[1:]))
    long = [axis for axis in view.axes if activation.shape[axis] > 1 or axis == 0]
    # Where only axes of length one change their places, the map is another and its values stay.
    if activation.padding is None and view.order is None and view.axes[0] == 0 and long == sorted(long):
        return reshaped(replace(activation, value=value), view.shape(activation.shape), node, value)
    return seen_as(replace(activation, value=value), view)


def seen_as(activation: Activation, view: AxisOrder) -> Activation:
    """The activation as the model sees it."""
    return replace(activation, model_view=view, value=seen_name(activation.value, view))


def seen_name(value: str, view: AxisOrder) -> str:
    """A name that keeps the network's tensor apart from the model's own value, where that has another order."""
    return value if view.plain else f"{value}{_CHANNEL_FIRST}"


def model_name(activation: Activation) -> str:
    """The model's own name for an activation, in whatever order the network has it."""
    return activation.value if activation.view.plain else activation.value.removesuffix(_CHANNEL_FIRST)


def reshaped(activation: Activation, shape: tuple[int, ...], node: str, value: str) -> Activation:
    """The activation under another shape of the same size in which the base's channels stay apart.

    That is so where the channel axis stays, or where everything becomes one axis. `split` does the rest.
    """
    check_size(shape)
    activation = replace(activation, model_view=None)
    if shape == activation.shape:
        return replace(activation, value=value)
    step = Reshaped(node, activation.value, activation.expression, shape)
    return replace(activation, shape=shape, value=value, waiting=(*activation.waiting, step))


def keeps_channels(activation: Activation, shape: tuple[int, ...]) -> bool:
    """Whether `reshaped` applies: the channel axis stays, or everything becomes one axis."""
    return shape[0] == activation.shape[0] or shape[0] == prod(activation.shape)


def over_the_same(activations: dict[int, Activation]) -> bool:
    """Whether all activations are functions of the same integers, behind the same pools and reshapes."""
    first = next(iter(activations.values()))
    return all(
        other.base is first.base and other.waiting == first.waiting and other.shape == first.shape
        for other in activations.values()
    )


def check_elements(activations: dict[int, Activation], operation: Elementwise) -> None:
    """Refusal where operands are of another kind than the operator takes, padded, or seen in different orders."""
    first = next(iter(activations.values()))
    for index, activation in activations.items():
        wanted = operation.takes[min(index, len(operation.takes) - 1)]
        if wanted not in ("any", activation.elements):
            raise Refusal(f"takes {wanted} elements but gets {activation.elements} ones", "cast to float32 first")
        if activation.padding is not None:
            raise Refusal("works on a padded map", "pad right before the convolution or the pool")
        if activation.shape != first.shape or not activation.view.same(first.view):
            raise Refusal(
                f"combines values of shapes {list(first.model_shape)} and {list(activation.model_shape)}",
                "combine values of one shape alone",
            )


def elementwise(activations: dict[int, Activation], operation: Elementwise, node: str, value: str) -> Activation:
    """An elementwise operator on activations (by operand) over the same integers, and constants."""
    check_elements(activations, operation)
    first = next(iter(activations.values()))
    expression = _applied(operation.call, activations, first, node)
    check_operators(sum(isinstance(part, Apply) for part in parts(expression)))
    made = replace(first, expression=expression, value=seen_name(value, first.view))
    return as_elements(made, operation)


def as_elements(activation: Activation, operation: Elementwise) -> Activation:
    """What the operation made, with the elements that it says; Refusal where integers leave their type."""
    if operation.result == "integer":
        _check_range(activation, operation)
    return replace(activation, elements=operation.result)


def _check_range(activation: Activation, operation: Elementwise) -> None:
    """Refusal where integers leave the model's own type, or those that float32 stands for here."""
    base = activation.base
    low, high = reach_of(activation.expression, base.low, base.high, base.channels)
    if low < operation.low or high > operation.high:
        raise Refusal(
            f"makes integers from {low:g} to {high:g} of a type from {operation.low:g} to {operation.high:g}",
            "clip before it, or use a wider type",
        )
    if activation.leaf.exact and max(-low, high) > _LARGEST_WHOLE:
        raise Refusal(f"computes with integers of up to {max(-low, high):g}", "cast to float32 first")


def _applied(term: Term, activations: dict[int, Activation], first: Activation, node: str) -> Expression:
    match term:
        case Operand():
            if term.index not in activations:
                raise Refusal("has a constant where a value of the network belongs", "export the model again")
            return activations[term.index].expression
        case Call():
            operands = tuple(_applied(operand, activations, first, node) for operand in term.terms)
            return _rewritten(term.operator, operands, node) or Apply(term.operator, operands, node)
        case _:
            return Constant(_per_channel(term, first))


def _rewritten(operator: str, operands: tuple[Expression, ...], node: str) -> Expression | None:
    """x + (f(x) - x) as the f(x) that it stands for, and products that exporters write for a smooth function."""
    if operator == "Mul":
        return product_as_curve(operands[0], operands[1], node)
    if operator == "Add":
        for through, difference in (operands, operands[::-1]):
            if (
                isinstance(difference, Apply)
                and difference.operator == "Sub"
                and alike(difference.operands[1], through)
            ):
                return Apply("StraightThrough", (difference.operands[0], through), node)
    return None


class NotPerChannel(Exception):
    """A constant that differs within what is one channel of the base: the activation has to be flattened first."""


def _check_other_axis(constant: Array, activation: Activation) -> None:
    """NotChannelFirst where a constant (1, *the network's extents) differs along one axis that is not the first."""
    axes = [axis for axis, extent in enumerate(constant.shape[1:]) if extent > 1]
    if constant.shape[0] == 1 and len(axes) == 1 and axes[0] > 0 and activation.view.order is None:
        others = [axis for axis in range(len(activation.shape)) if axis != axes[0]]
        raise NotChannelFirst(activation, (axes[0], *others))


def _per_channel(constant: Array, activation: Activation) -> Array:
    """A constant that broadcasts to the activation, as one value or one for each channel of its base."""
    if constant.dtype not in (np.float32, np.bool_):
        raise Refusal(f"has a constant of type {constant.dtype}", "export the model in float32")
    if np.isnan(constant).any():
        raise Refusal("has a constant that is NaN", "train or export the model again")
    full = (1, *activation.model_shape)
    if constant.size == 1 and constant.ndim <= len(full):
        return constant.reshape(1)
    padded = constant.reshape((1,) * (len(full) - constant.ndim) + constant.shape)
    fits = constant.ndim <= len(full) and all(
        given in (1, extent) or axis == 0 for axis, (given, extent) in enumerate(zip(padded.shape, full, strict=True))
    )
    if not fits:
        raise Refusal(
            f"has a constant of shape {list(constant.shape)} that does not suit values of shape {list(full)}",
            "use one value, or one for each channel",
        )
    padded = activation.view.of_constant(padded)
    per_channel = padded.reshape(padded.shape[0], padded.shape[1], -1)
    if np.any(per_channel != per_channel[:1, :, :1]):
        _check_other_axis(padded, activation)
        raise Refusal("has a constant that differs within a channel", "use one value, or one for each channel")
    values = per_channel[0, :, 0]
    if len(values) == 1 or np.all(values == values[0]):
        return values[:1]
    grouped = values.reshape(activation.base.channels, activation.channels_each)
    if np.any(grouped != grouped[:, :1]):
        raise NotPerChannel
    return np.ascontiguousarray(grouped[:, 0])
