"""What a model ends in behind its scores: it is left out, since it changes neither their order nor which is largest.

It only recognises.
"""

from __future__ import annotations

from onnx import TensorProto

from edgebnn.frontend.graph import Graph, Node, as_integers
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
from edgebnn.frontend.quantisers import scale_operand

_QUANTISERS = ("Quant", "IntQuant", "QuantizeLinear")
# What may stand behind the last probabilities.
_BEHIND = frozenset((*_QUANTISERS, "Identity", "Cast", "ArgMax", "TopK", "DequantizeLinear"))
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)


def _softmax(node: Node, operands: Operands) -> Operation:
    """Probabilities of the classes, at the end of a model: left out."""
    if node.integer("axis", 1 if operands.opset < 13 else -1) not in (1, -1) or len(operands.shape(0)) != 2:
        raise Refusal("is not over the scores of each sample", "apply it to (batch, scores) along axis 1")
    return Dropping(
        f"the final {node.operator} '{node.name}' is left out: the answer is its input, whose arg max is the same"
    )


def _monotone(node: Node, operands: Operands) -> Operation:
    """A function that only rises: left out at the end of a model, elsewhere before a sign or a quantiser."""
    return Dropping(
        f"the final {node.operator} '{node.name}' is left out: the answer is its input, whose order is the same",
        otherwise=Elementwise(Call(node.operator, (Operand(0),))),
    )


def _arg_max(node: Node, operands: Operands) -> Operation:
    """The class of the largest score, at the end of a model: left out."""
    if node.integer("axis", 0) not in (1, -1) or len(operands.shape(0)) != 2:
        raise Refusal("is not over the scores of each sample", "apply it to (batch, scores) along axis 1")
    if node.integer("select_last_index", 0):
        raise Refusal("takes the last of equal scores", "let it take the first (select_last_index = 0)")
    return Dropping(f"the final ArgMax '{node.name}' is left out: the answer is the scores that it compares")


def _top_k(node: Node, operands: Operands) -> Operation:
    """The classes of the largest scores, at the end of a model: left out."""
    if node.integer("axis", -1) not in (1, -1) or len(operands.shape(0)) != 2:
        raise Refusal("is not over the scores of each sample", "apply it to (batch, scores) along axis 1")
    count = (node.integer("k", 1),) if operands.opset < 10 else as_integers(operands.constant(1, "counts"), "counts")
    if len(count) != 1 or not 1 <= count[0] <= operands.shape(0)[1]:
        raise Refusal("takes more scores than there are", "export the model again")
    if not node.integer("largest", 1):
        raise Refusal("takes the smallest scores", "negate the scores and take the largest")
    if not node.integer("sorted", 1) and count[0] > 1:
        raise Refusal("leaves the order of the scores open", "sort them (sorted=True)")
    return Dropping(f"the final TopK '{node.name}' is left out: the answer is the scores that it sorts")


ENDINGS: dict[str, Recogniser] = {
    "ArgMax": _arg_max,
    "LogSoftmax": _softmax,
    "Sigmoid": _monotone,
    "Softmax": _softmax,
    "Tanh": _monotone,
    "TopK": _top_k,
}


def left_out(graph: Graph) -> frozenset[str]:
    """The model's values that nothing reads but what is left out behind its last probabilities."""
    found = {graph.output}
    for node in reversed(graph.nodes):
        for name in node.outputs:
            behind = graph.readers(name)
            if behind and all(reader.operator in _BEHIND for reader in behind):
                read = {made for reader in behind for made in reader.outputs if graph.readers(made)}
                found.update({name} if read <= found else ())
    return frozenset(found)


def left_out_behind(node: Node, operands: Operands, rounded: bool) -> Operation:
    """What a node means that reads what was left out: left out itself where it keeps the order of its input's values.

    `rounded` says that these were rounded before, so that several can be the same. Refusal for any other node.
    """
    match node.operator:
        case "Identity":
            return Forwarding()
        case "Cast" if node.integer("to", 0) in _FLOATS:
            return Forwarding()
        case "ArgMax" | "TopK" if rounded:
            raise Refusal(
                "compares probabilities that were rounded, of which several can be the same",
                "compare the scores before they become probabilities, or leave the quantiser behind them out",
            )
        case "ArgMax" | "TopK":
            return ENDINGS[node.operator](node, operands)
        case "Quant" | "IntQuant" | "QuantizeLinear" | "DequantizeLinear":
            scale = scale_operand(operands, 1)
            if scale.size == 1 and scale > 0:
                return _rounding(node)
    raise Refusal("reads what an operator for the end of a model makes", "let the model end in that operator")


def _rounding(node: Node) -> Operation:
    if node.operator not in _QUANTISERS:
        return Forwarding()
    note = f"the quantiser '{node.name}' behind it is left out too: the answer has no probabilities to round"
    return Dropping(note, rounds=True)
