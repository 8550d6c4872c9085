"""What a model ends in behind its scores: it is left out, since it changes neither their order nor which is largest.

It only recognises.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import TensorProto

from edgebnn.frontend.dialects.quantisers import TooManyBits, scale_operand
from edgebnn.frontend.dialects.reshape_transpose_concat import SHAPES, BatchLost
from edgebnn.frontend.dialects.smooth_activations import SMOOTH
from edgebnn.frontend.onnx.graph import Graph, OnnxNode, as_integers
from edgebnn.frontend.operations import (
    Call,
    Dropping,
    Elementwise,
    Forwarding,
    Operand,
    Operands,
    Operation,
    Recogniser,
)
from edgebnn.frontend.problems import Refusal

_QUANTISERS = ("Quant", "IntQuant", "QuantizeLinear")
# Other axes for the same values in the same order.
_SHAPES = ("Flatten", "Reshape", "Squeeze", "Unsqueeze")
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)


def _over_classes(operands: Operands, axes: range) -> bool:
    """Whether axes have all the scores of each sample."""
    shape = operands.shape(0)
    inside = all(0 < axis < len(shape) for axis in axes)
    return inside and all(extent == 1 for at, extent in enumerate(shape) if at and at not in axes)


def _check_over_classes(operands: Operands, axis: int, all_behind: bool = False) -> None:
    """Refusal where an axis (with `all_behind` it and all behind it) has not all the scores of each sample."""
    shape = operands.shape(0)
    first = axis + len(shape) if axis < 0 else axis
    if not _over_classes(operands, range(first, len(shape) if all_behind else first + 1)):
        whole = f"axis {axis} and all behind it" if all_behind else f"axis {axis}"
        raise Refusal(
            f"is over {whole} of values of shape {list(shape)}, and not over all scores of each sample",
            "apply it to (batch, scores) along axis 1, or let the model end in the values before it",
        )


def softmax(node: OnnxNode, operands: Operands, opset: int) -> Operation:
    """Probabilities of the classes as ONNX's opset has them: before 13 over all axes from the given one on."""
    _check_over_classes(operands, node.integer("axis", 1 if opset < 13 else -1), all_behind=opset < 13)
    return Dropping(
        f"the final {node.operator} '{node.name}' is left out: the answer is its input, whose arg max is the same"
    )


def _softmax(node: OnnxNode, operands: Operands) -> Operation:
    """Probabilities of the classes, at the end of a model: left out."""
    return softmax(node, operands, operands.opset)


def _order_kept(node: OnnxNode, otherwise: Elementwise | None = None) -> Dropping:
    note = f"the final {node.operator} '{node.name}' is left out: the answer is its input, whose order is the same"
    return Dropping(note, otherwise=otherwise)


def _monotone(node: OnnxNode, operands: Operands) -> Operation:
    """A function that only rises: left out at the end of a model, elsewhere before a sign or a quantiser."""
    return _order_kept(node, Elementwise(Call(node.operator, (Operand(0),))))


def _rising(operator: str) -> Recogniser:
    """A smooth activation that only rises (with factors above zero): left out at the end of a model."""

    def recognise(node: OnnxNode, operands: Operands) -> Operation:
        operation = SMOOTH[operator](node, operands)
        rises = node.number("alpha", 1.0) > 0 and node.number("gamma", 1.0) > 0
        return _order_kept(node, operation) if rises and isinstance(operation, Elementwise) else operation

    recognise.__doc__ = f"{(SMOOTH[operator].__doc__ or '').rstrip('.')}; left out at the end of a model."
    return recognise


def _arg_max(node: OnnxNode, operands: Operands) -> Operation:
    """The class of the largest score, at the end of a model: left out."""
    _check_over_classes(operands, node.integer("axis", 0))
    if node.integer("select_last_index", 0):
        raise Refusal("takes the last of equal scores", "let it take the first (select_last_index = 0)")
    note = f"the final ArgMax '{node.name}' is left out: the answer is the scores that it compares"
    return Dropping(note, leaves="class")


def _top_k(node: OnnxNode, operands: Operands) -> Operation:
    """The classes of the largest scores, at the end of a model: left out."""
    _check_over_classes(operands, node.integer("axis", -1))
    classes = max(operands.shape(0)[1:])
    count = (node.integer("k", 1),) if operands.opset < 10 else as_integers(operands.constant(1, "counts"), "counts")
    if len(count) != 1 or not 1 <= count[0] <= classes:
        raise Refusal("takes more scores than there are", "export the model again")
    if not node.integer("largest", 1):
        raise Refusal("takes the smallest scores", "negate the scores and take the largest")
    if not node.integer("sorted", 1) and count[0] > 1:
        raise Refusal("leaves the order of the scores open", "sort them (sorted=True)")
    note = f"the final TopK '{node.name}' is left out: the answer is the scores that it sorts"
    return Dropping(note, leaves="class" if count[0] == 1 else "ranks")


ENDINGS: dict[str, Recogniser] = {
    "ArgMax": _arg_max,
    "LogSoftmax": _softmax,
    "Sigmoid": _monotone,
    "Softmax": _softmax,
    "Tanh": _monotone,
    "TopK": _top_k,
    **{operator: _rising(operator) for operator in ("Celu", "Elu", "Exp", "Selu", "Softplus", "Softsign")},
}
# What may stand behind values that were left out.
_BEHIND = frozenset((*_QUANTISERS, *_SHAPES, *ENDINGS, "Cast", "DequantizeLinear", "Identity", "Log"))


def left_out(graph: Graph) -> frozenset[str]:
    """The model's values that nothing reads but what is left out behind its scores, and what asks for their shapes."""
    found = {graph.output}
    for node in reversed(graph.nodes):
        for name in node.outputs:
            behind = [reader for reader in graph.readers(name) if reader.operator != "Shape"]
            if all(
                reader.operator in _BEHIND
                and reader.inputs[0] == name
                and found.issuperset(filter(None, reader.outputs))
                for reader in behind
            ):
                found.add(name)
    return frozenset(found)


def left_out_behind(node: OnnxNode, operands: Operands, leaves: str) -> Operation:
    """What a node means that reads what was left out: left out itself where it keeps the order of its input's values.

    `leaves` is what the node before left of them (`Dropping`). Refusal for any other node.
    """
    match node.operator, leaves:
        case "Identity", _:
            return Forwarding()
        case (("Flatten" | "Reshape" | "Squeeze" | "Unsqueeze"), ("order" | "levels")):
            return reshaped_at_the_end(node, operands)
        case (("Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" | "Cast"), "class"):
            return Forwarding()
        case "Cast", ("order" | "levels") if node.integer("to", 0) in _FLOATS:
            return Forwarding()
        case (("ArgMax" | "TopK"), "levels"):
            raise Refusal(
                "compares scores or probabilities that were rounded, of which several can be the same",
                "compare the scores before they are rounded, or leave the quantiser behind them out",
            )
        case "Log", ("order" | "levels"):
            return replace(_order_kept(node), leaves=leaves)
        case operator, "order" if operator in ENDINGS:
            return ENDINGS[operator](node, operands)
        case (("Quant" | "IntQuant" | "QuantizeLinear" | "DequantizeLinear"), ("order" | "levels")) if _rises(operands):
            return _rounding(node, "the answer has no probabilities to round")
    raise Refusal("reads what an operator for the end of a model makes", "let the model end in that operator")


def reshaped_at_the_end(node: OnnxNode, operands: Operands) -> Operation:
    """A reshape of a model's answer; left out where it takes away the batch axis of one sample, or an axis behind it.

    Refusal where it mixes samples.
    """
    try:
        return SHAPES[node.operator](node, operands)
    except BatchLost as lost:
        if lost.mixes:
            raise
        return Forwarding()


def finely_quantised_at_the_end(node: OnnxNode, operands: Operands, refusal: TooManyBits) -> Operation:
    """A quantiser of a model's scores with more levels than steps are counted for: left out.

    `refusal` where it is none, or turns their order.
    """
    if node.operator not in _QUANTISERS or not _rises(operands):
        raise refusal
    return _rounding(node, "the answer is what it rounds, whose order is the same")


def _rises(operands: Operands) -> bool:
    scale = scale_operand(operands, 1)
    return scale.size == 1 and bool(np.all(scale > 0))


def _rounding(node: OnnxNode, why: str) -> Operation:
    if node.operator not in _QUANTISERS:
        return Forwarding()
    return Dropping(f"the final quantiser '{node.name}' is left out: {why}", leaves="levels")
