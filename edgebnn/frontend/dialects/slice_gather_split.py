"""ONNX operators that take a part of a value, by constants: slices, gathers and splits. It only recognises."""

from __future__ import annotations

from edgebnn.frontend.dialects.reshape_transpose_concat import axis_of, rearranged
from edgebnn.frontend.onnx.graph import OnnxNode, as_integers
from edgebnn.frontend.operations import Forwarding, Operands, Operation, OperationSequence, Recogniser, Several, Taking
from edgebnn.frontend.problems import Refusal

_AGAIN = "export the model again"
_WHOLE = 2**31 - 1  # an end from here on is that of the axis, as exporters write it


def _slice(node: OnnxNode, operands: Operands) -> Operation:
    """A stretch of some axes, also with steps or backwards, by constants; the batch axis stays whole."""
    shape = operands.shape(0)
    starts, ends = (_numbers(node, operands, index, name) for index, name in ((1, "starts"), (2, "ends")))
    if starts is None or ends is None:
        raise Refusal("does not say where it starts and ends", _AGAIN)
    axes = _numbers(node, operands, 3, "axes") or tuple(range(len(starts)))
    steps = _numbers(node, operands, 4, "steps") or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise Refusal("has starts, ends, axes and steps of different lengths", _AGAIN)
    axes = tuple(axis_of(axis, len(shape)) for axis in axes)
    if len(set(axes)) != len(axes) or 0 in steps:
        raise Refusal("names an axis twice, or has a step of 0", _AGAIN)
    taken = [
        _taking(axis, tuple(_stretch(start, end, step, shape[axis])), shape[axis])
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True)
        if axis or (start, step) != (0, 1) or end < _WHOLE  # the batch as a whole, however large
    ]
    return OperationSequence(tuple(taken)) if taken else Forwarding()


def _numbers(node: OnnxNode, operands: Operands, index: int, name: str) -> tuple[int, ...] | None:
    """An attribute of a slice in old opsets, an operand in newer ones."""
    if operands.opset < 10:
        return node.integers(name)
    return as_integers(operands.constant(index, name), name) if operands.has(index) else None


def _stretch(start: int, end: int, step: int, extent: int) -> range:
    """The places from `start` up to `end`, which count from behind where negative and are held inside the axis."""
    low, high = (0, extent) if step > 0 else (-1, extent - 1)
    begin, stop = (min(max(at + extent if at < 0 else at, low), high) for at in (start, end))
    return range(max(begin, 0) if step > 0 else begin, stop, step)


def _gather(node: OnnxNode, operands: Operands) -> Operation:
    """The elements at constant places of an axis, also in another order or more than once; the batch axis stays."""
    if operands.optional(0) is not None:
        raise Refusal(
            "looks values of the network up in a table", "compute with layers; embeddings and lookups are not mapped"
        )
    shape = operands.shape(0)
    axis = axis_of(node.integer("axis", 0), len(shape))
    given = operands.constant(1, "places")
    if given.dtype.kind not in "iu" or given.ndim > 2:
        raise Refusal("has places that are not a list of integers", _AGAIN)
    extent = shape[axis]
    places = tuple(int(place) + (extent if place < 0 else 0) for place in given.reshape(-1).tolist())
    if not all(0 <= place < extent for place in places):
        raise Refusal(f"takes places that an axis of {extent} does not have", _AGAIN)
    if axis == 0 and given.ndim == 0:
        raise Refusal("takes one sample out of the batch", "keep the batch in front: take x[0:1], or all samples")
    taking = _taking(axis, places, extent)
    if given.ndim == 1:
        return taking
    wanted = (*shape[:axis], *given.shape, *shape[axis + 1 :])
    return OperationSequence((taking, rearranged((*shape[:axis], len(places), *shape[axis + 1 :]), wanted)))


def _split(node: OnnxNode, operands: Operands) -> Operation:
    """An axis in stretches one behind the other, each a value of its own; the batch axis stays whole."""
    shape = operands.shape(0)
    axis = axis_of(node.integer("axis", 0), len(shape))
    extent, parts = shape[axis], len(node.outputs)
    sizes = node.integers("split") if operands.opset < 13 else None
    if operands.has(1):
        sizes = as_integers(operands.constant(1, "sizes"), "sizes")
    if sizes is None:
        if node.integer("num_outputs", parts) != parts or (operands.opset < 18 and extent % parts):
            raise Refusal(f"cannot split an axis of {extent} in {parts}", _AGAIN)
        size = -(-extent // parts)
        sizes = tuple(min(size, extent - index * size) for index in range(parts))
    if len(sizes) != parts or sum(sizes) != extent or min(sizes) < 1:
        raise Refusal(f"cannot split an axis of {extent} in {list(sizes)[:8]}", _AGAIN)
    ends = [sum(sizes[: index + 1]) for index in range(parts)]
    return Several(
        tuple(_taking(axis, tuple(range(end - size, end)), extent) for size, end in zip(sizes, ends, strict=True))
    )


def _taking(axis: int, places: tuple[int, ...], extent: int) -> Operation:
    if places == tuple(range(extent)):
        return Forwarding()
    if axis == 0:
        raise Refusal("takes samples of the batch apart", "let each sample be computed alone")
    if not places:
        raise Refusal("takes nothing", _AGAIN)
    return Taking(axis, places)


SELECTIONS: dict[str, Recogniser] = {"Gather": _gather, "Slice": _slice, "Split": _split}
