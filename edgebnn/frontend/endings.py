"""What a model ends in behind its scores: it is left out, since it changes neither their order nor which is largest.

It only recognises.
"""

from __future__ import annotations

from edgebnn.frontend.graph import Node, as_integers
from edgebnn.frontend.operations import Dropping, Operands, Operation, Recogniser
from edgebnn.frontend.problems import Refusal


def _softmax(node: Node, operands: Operands) -> Operation:
    """Probabilities of the classes, at the end of a model: left out."""
    if node.integer("axis", 1 if operands.opset < 13 else -1) not in (1, -1) or len(operands.shape(0)) != 2:
        raise Refusal("is not over the scores of each sample", "apply it to (batch, scores) along axis 1")
    return Dropping(
        f"the final {node.operator} '{node.name}' is left out: the answer is its input, whose arg max is the same"
    )


def _monotone(node: Node, operands: Operands) -> Operation:
    """A function that only rises, at the end of a model: left out."""
    return Dropping(
        f"the final {node.operator} '{node.name}' is left out: the answer is its input, whose order is the same"
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
