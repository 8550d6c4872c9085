"""What it is that float32 rounds before a step that it may then take otherwise: for the advice that a user reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

from edgebnn.frontend.algebra.float32 import float32_holds
from edgebnn.frontend.layers.integer_weights import IntegerWeights
from edgebnn.frontend.layers.layer_sums import LayerInput
from edgebnn.frontend.operations import WeightedSum
from edgebnn.network.types import (
    Affine,
    Kind,
    MaxPool,
    Node,
    Reshape,
    Rounding,
    SumPool,
    Take,
    Tensor,
    Threshold,
    WeightKind,
)

_WHOLE = 2**24  # up to here integers are float32 numbers


def roundings_of_layer(
    source: LayerInput, weights: IntegerWeights, operation: WeightedSum, bound: int, of_input: bool
) -> tuple[Rounding, ...]:
    """What float32 rounds in the sums of a layer, which reach `bound`; `of_input` says that it reads the model's own.

    Empty where nothing is rounded.
    """
    if source.tensor.kind is Kind.SUMS:  # the integers of a grid are many because it is fine
        bound = min(bound, _WHOLE)
    found = []
    if not weights.exact or not all(float32_holds(scale, bound) for scale in set(weights.scale.tolist())):
        found.append(Rounding.INT8_WEIGHTS if weights.kind is WeightKind.INT8 else Rounding.SCALED_WEIGHTS)
    slopes = {abs(slope) for slope in source.slope.tolist() if slope}
    held = source.exact and all(float32_holds(slope, bound) for slope in slopes)
    if not held or (of_input and source.error.any()):
        found.append(_of_scales(source, of_input))
    if source.error.any() and not of_input:
        found.append(source.error_of)
    if operation.bias is not None and operation.bias_first:
        found.append(Rounding.BIAS_FIRST)
    return (Rounding.LONG_SUMS,) if bound > _WHOLE else tuple(dict.fromkeys(found))


def _of_scales(source: LayerInput, of_input: bool) -> Rounding:
    """What float32 rounds where it does not hold what a layer reads."""
    if source.error_of is Rounding.UNEQUAL_SCALES:
        return source.error_of
    return Rounding.SCALED_INPUT if of_input else Rounding.SCALED_ACTIVATIONS


def roundings_before(
    tensor: Tensor, nodes: Mapping[str, Node], of_layers: Mapping[str, tuple[Rounding, ...]]
) -> tuple[Rounding, ...]:
    """What float32 rounds in the values of a tensor; `nodes` and `of_layers` go by the names of tensors.

    Pools, moves and multiples round nothing, and levels stand for themselves.
    """
    while tensor.name not in of_layers:
        node = nodes.get(tensor.name)
        if isinstance(node, SumPool):
            return (Rounding.MEAN,)
        if isinstance(node, Threshold):
            return ()
        if not isinstance(node, (MaxPool, Reshape, Take)) and not _multiplies(node):
            return (Rounding.JOINT,)
        before = nodes.get(node.sources[0])
        if before is None:
            return ()
        tensor = before.output
    return of_layers[tensor.name]


def _multiplies(node: Node | None) -> TypeGuard[Affine]:
    """Whether a node makes whole multiples of its integers, or the integers themselves."""
    return isinstance(node, Affine) and node.shift == 0 and not node.offset.any() and not node.knees.size
