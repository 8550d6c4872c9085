"""The inputs of a model: their types and shapes, as far as they can be a network's."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from onnx import ValueInfoProto

from edgebnn.errors import ModelError
from edgebnn.frontend.onnx.graph import GraphInput
from edgebnn.frontend.onnx.tensors import dtype_name
from edgebnn.frontend.problems import printable

MAX_INPUT_SIZE = 2**22  # of all inputs together
MAX_INPUT_CHANNELS = 2**18
MAX_INPUTS = 64

_AGAIN = "export the model again"


def graph_inputs(values: Sequence[ValueInfoProto]) -> tuple[GraphInput, ...]:
    """The inputs, in the model's own order; ModelError where there is none, or one that cannot be a network's."""
    if not values:
        raise ModelError(f"the model has no input that its output depends on; {_AGAIN}")
    if len(values) > MAX_INPUTS:
        raise ModelError(f"the model has {len(values)} inputs; up to {MAX_INPUTS} are read, join some (Concat)")
    inputs = tuple(map(_input, values))
    names = [printable(given.name) for given in inputs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ModelError(f"the model has two inputs whose names are both shown as '{twice}'; rename one")
    batches = {given.batch: given for given in inputs if not given.open_batch}
    if len(batches) > 1:
        one, other, *_ = batches.values()
        raise ModelError(
            f"input '{printable(one.name)}' takes {one.batch} samples at once and input '{printable(other.name)}' "
            f"{other.batch}; {_AGAIN} with one batch size, or with an open one"
        )
    if sum(prod(given.shape) for given in inputs) > MAX_INPUT_SIZE:
        raise ModelError(f"the model's inputs have more than {MAX_INPUT_SIZE} values together; use smaller ones")
    return inputs


def unread_notes(names: Sequence[str], output: str) -> tuple[str, ...]:
    """What a user should know of inputs that the output does not depend on."""
    return tuple(
        f"output '{printable(output)}' does not depend on input '{printable(name)}', which was left out; give no "
        "samples for it"
        for name in names
    )


def _input(value: ValueInfoProto) -> GraphInput:
    name = printable(value.name)
    tensor = value.type.tensor_type
    dtype = dtype_name(tensor.elem_type)
    if dtype is None or not tensor.HasField("shape"):
        raise ModelError(f"input '{name}' has no element type or shape that is known; {_AGAIN} with a fixed shape")
    dims = tensor.shape.dim
    if not 2 <= len(dims) <= 4:
        raise ModelError(
            f"input '{name}' has {len(dims)} axes; it must be (batch, features), (batch, channels, length) or "
            "(batch, channels, height, width)"
        )
    batch = dims[0].dim_value if dims[0].HasField("dim_value") and dims[0].dim_value > 0 else 1
    for axis, dim in enumerate(dims[1:], start=1):
        if not dim.HasField("dim_value"):
            called = f" '{printable(dim.dim_param)}'" if dim.dim_param else ""
            raise ModelError(
                f"input '{name}' has a dynamic extent{called} at axis {axis}; {_AGAIN} with fixed extents behind the "
                "batch"
            )
    shape = tuple(int(dim.dim_value) for dim in dims[1:])
    if any(extent < 1 for extent in shape):
        raise ModelError(f"input '{name}' has the shape {list(shape)} behind the batch; {_AGAIN} with fixed extents")
    size = 1
    for extent in shape:
        size *= extent
        if size > MAX_INPUT_SIZE:
            raise ModelError(f"input '{name}' has more than {MAX_INPUT_SIZE} values; use a smaller one")
    if shape[0] > MAX_INPUT_CHANNELS:
        raise ModelError(f"input '{name}' has {shape[0]} channels; up to {MAX_INPUT_CHANNELS} are read, use fewer")
    open_batch = dims[0].dim_value <= 0
    return GraphInput(name=value.name, dtype=dtype, batch=int(batch), shape=shape, open_batch=open_batch)
