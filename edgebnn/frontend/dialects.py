"""The table of dialects: adding one means its file and its line here."""

from __future__ import annotations

from edgebnn.frontend.graph import Node
from edgebnn.frontend.operations import Dialect, Recogniser
from edgebnn.frontend.problems import Refusal, printable
from edgebnn.frontend.pytorch import PYTORCH

DIALECTS: tuple[Dialect, ...] = (PYTORCH,)


def recogniser_of(node: Node) -> Recogniser:
    """The function that recognises a node; Refusal, naming what is known, where no dialect has the operator."""
    for dialect in DIALECTS:
        if node.domain in dialect.domains and node.operator in dialect.operators:
            return dialect.operators[node.operator]
    if node.has_subgraph:
        raise Refusal("has a subgraph (a branch or a loop)", "export the model without control flow")
    if node.domain and not any(node.domain in dialect.domains for dialect in DIALECTS):
        raise Refusal(
            f"is of the domain '{printable(node.domain)}', which is not known",
            "export the model with ONNX's own operators",
        )
    raise Refusal("is an operator that is not mapped", _remedy(node.operator))


def _remedy(operator: str) -> str:
    if operator in ("Relu", "LeakyRelu", "PRelu", "Elu", "Gelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish"):
        return "use a sign (torch.sign, or x >= 0 as 1 and -1) as the activation"
    if "Pool" in operator or operator.startswith("Reduce"):
        return "use max pooling, or a convolution with stride"
    return "leave it out, or move it before the model's input or behind its output"
