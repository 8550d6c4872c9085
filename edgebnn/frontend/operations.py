"""What a node of a model means, in words that every dialect shares: recognition ends here, lowering starts here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from edgebnn.frontend.onnx.graph import Array, OnnxNode
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import Window


@dataclass(frozen=True)
class Operand:
    """The node's operand of this index, in a `Call`."""

    index: int


@dataclass(frozen=True, eq=False)
class Call:
    """An elementwise operator (`algebra/operators.py`) on operands, constants and other calls."""

    operator: str
    terms: tuple[Term, ...]


Term = Operand | Call | Array


def operands_in(term: Term) -> tuple[int, ...]:
    """The indices of the operands that a term reads, each once."""
    match term:
        case Operand(index):
            return (index,)
        case Call(_, terms):
            return tuple(dict.fromkeys(index for inner in terms for index in operands_in(inner)))
        case _:
            return ()


@dataclass(frozen=True, eq=False)
class Elementwise:
    """The same function for every element of a channel; constants are scalars or broadcast along the channel axis.

    `result` is what the elements become: `float`, `bool` or `integer`. `takes` says what each operand must be, or
    `any`; its last word is for all operands that follow. The model's own type holds the values from `low` to `high`
    alone: others would wrap around or overflow.
    """

    call: Call
    result: str = "float"
    takes: tuple[str, ...] = ("float",)
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, eq=False)
class Quantised:
    """Constants that a quantiser made: `values` float32 are `integers` times `scale`, each product rounded once.

    All three have one shape, but that `scale` (float32) may have extents of one.
    """

    values: Array
    integers: Array
    scale: Array


def shape_of(weights: Array | Quantised) -> tuple[int, ...]:
    """The shape of weights, quantised or not."""
    return (weights.values if isinstance(weights, Quantised) else weights).shape


def transposed(weights: Array | Quantised) -> Array | Quantised:
    """A matrix of weights with its axes exchanged."""
    if isinstance(weights, Quantised):
        full = np.broadcast_to(weights.scale, weights.values.shape)
        return Quantised(weights.values.T, weights.integers.T, full.T)
    return weights.T


def scaled(weights: Array | Quantised, factor: float) -> Array | Quantised:
    """Weights times a number, in float32."""
    if factor == 1:
        return weights
    if isinstance(weights, Quantised):
        return Quantised(np.float32(factor) * weights.values, weights.integers, np.float32(factor) * weights.scale)
    return np.asarray(np.float32(factor) * weights)


@dataclass(frozen=True, eq=False)
class WeightedSum:
    """Dot products of operand 0 with weights (O, I / groups, *kernel), a bias (O,) in float32 added.

    `bias_first` says that the operator's kernels add the bias before the sum is whole, so its rounding is not known.
    The model's own weights may differ by the share `doubt` of themselves: see `doubts.py`.
    """

    weights: Array | Quantised
    bias: Array | None = None
    window: Window = field(default_factory=Window)
    groups: int = 1
    bias_first: bool = False
    doubt: float = 0.0


@dataclass(frozen=True)
class Pooling:
    """The largest value under a window of operand 0; padding never wins. Without a window, over the whole map."""

    window: Window | None


@dataclass(frozen=True)
class Averaging:
    """The mean under a window of operand 0, None for the whole map.

    `divisors` has for each axis how many taps count at each place, None where all do; the product over the axes is what
    the sum at a place is divided by. Without `pads_count` none of them lies in the padding, elsewhere those are zeros.
    Without `keeps_map` the map's axes, of length one then, are dropped. Without `divides` it is the sum itself.
    """

    window: Window | None
    keeps_map: bool = True
    divisors: tuple[tuple[int, ...], ...] | None = None
    pads_count: bool = True
    divides: bool = True


@dataclass(frozen=True)
class Joining:
    """Operands one behind the other along an axis (the batch axis counted): all of them, or each behind a function.

    `parts` are such functions, each of one operand, in the order of what is joined.
    """

    axis: int
    parts: tuple[Elementwise, ...] = ()


@dataclass(frozen=True)
class Padding:
    """`value` put around the spatial axes of operand 0."""

    begin: tuple[int, ...]
    end: tuple[int, ...]
    value: float


@dataclass(frozen=True)
class Rearranging:
    """Operand 0 in the same order under another shape (with the batch axis)."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class Transposing:
    """Operand 0 with its axes (the batch axis first) in another order."""

    order: tuple[int, ...]


@dataclass(frozen=True)
class Taking:
    """The elements of operand 0 at these places of an axis (the batch axis counted, and never taken apart)."""

    axis: int
    places: tuple[int, ...]


@dataclass(frozen=True)
class Forwarding:
    """Operand 0 as it is."""


@dataclass(frozen=True)
class Dropping:
    """An operator at the end of the model that is left out; the note says what that means for the answer.

    `leaves` is what it leaves of its input: the same order, levels of which several can be the same, the number of one
    class, or the numbers of several by rank. `otherwise` is what it means where the model goes on behind it.
    """

    note: str
    leaves: Literal["order", "levels", "class", "ranks"] = "order"
    otherwise: Elementwise | None = None


@dataclass(frozen=True, eq=False)
class Knowing:
    """A constant after all, such as the shape of operand 0 or quantised weights."""

    value: Array | Quantised


@dataclass(frozen=True, eq=False)
class OperationSequence:
    """Operations one after the other, each with the result of the one before as its operand 0."""

    operations: tuple[Operation, ...]


@dataclass(frozen=True, eq=False)
class Several:
    """An operation for each of the node's outputs, all on the same operands."""

    operations: tuple[Operation, ...]


Operation = (
    Elementwise
    | WeightedSum
    | Pooling
    | Averaging
    | Joining
    | Padding
    | Rearranging
    | Transposing
    | Taking
    | Forwarding
    | Dropping
    | Knowing
    | OperationSequence
    | Several
)


@dataclass(frozen=True, eq=False)
class Operands:
    """What a recogniser may know about a node's operands: constants, and shapes with the batch axis where known.

    `unknown` marks those that come from a node that is not mapped. A quantised constant stands among the constants
    with its values.
    """

    constants: tuple[Array | None, ...]
    quantised: tuple[Quantised | None, ...]
    shapes: tuple[tuple[int, ...] | None, ...]
    present: tuple[bool, ...]
    unknown: tuple[bool, ...]
    opset: int

    def has(self, index: int) -> bool:
        """Whether the operand is there at all."""
        return index < len(self.present) and self.present[index]

    def constant(self, index: int, what: str) -> Array:
        """The constant operand; Refusal where it is missing or computed from the network's input."""
        value = self.optional(index)
        if index < len(self.unknown) and self.unknown[index]:
            raise UnknownOperand
        if value is None:
            why = "computed from the network's input" if self.has(index) else "missing"
            raise Refusal(f"has {what} that are {why}", "make them constants of the model")
        return value

    def optional(self, index: int) -> Array | None:
        """The constant operand, or None."""
        return self.constants[index] if index < len(self.constants) else None

    def weights(self, index: int) -> Array | Quantised:
        """The constant operand, quantised where a quantiser made it; Refusal where it is no constant."""
        value = self.constant(index, "weights")
        quantised = self.quantised[index]
        return value if quantised is None else quantised

    def shape(self, index: int) -> tuple[int, ...]:
        """The operand's shape with the batch axis; Refusal where an earlier problem has left it unknown."""
        shape = self.shapes[index] if index < len(self.shapes) else None
        if shape is None:
            raise UnknownOperand
        return shape


class UnknownOperand(Refusal):
    """An earlier problem has left an operand unknown: no problem of its own."""

    def __init__(self) -> None:
        super().__init__("comes after a node that is not mapped", "solve the other problem first")


Recogniser = Callable[[OnnxNode, Operands], Operation]


@dataclass(frozen=True)
class Dialect:
    """A way of writing networks: the operators of some domains, each with the function that recognises it."""

    name: str
    domains: frozenset[str]
    operators: Mapping[str, Recogniser]
