"""Values that multiply others: attention, gates, and XNOR-Net's K. Products of two activations are the limit."""

from __future__ import annotations

from edgebnn.frontend.onnx.graph import Graph, OnnxNode
from edgebnn.frontend.problems import Refusal


def is_factor(graph: Graph, node: OnnxNode) -> bool:
    """Whether what a node makes ends up, by whatever operators, as a factor of another value of the network."""
    varying = {given.name for given in graph.inputs}
    behind = set(node.outputs)
    for other in graph.nodes:
        if not varying.isdisjoint(other.inputs):
            varying.update(other.outputs)
        if behind.isdisjoint(other.inputs):
            continue
        own = [name for name in other.inputs if name in varying]
        if other.operator in ("Mul", "Div") and len(own) == 2 and len(behind.intersection(own)) == 1:
            return True
        behind.update(other.outputs)
    return False


def product_of_two() -> Refusal:
    """The refusal of what is a factor of another value."""
    return Refusal(
        "is multiplied with another value of the network in the end (as XNOR-Net's K, a gate or attention is), and "
        "products of two activations are not mapped",
        "train without it: constant scales for each channel, as of a batch norm, take its place",
    )


def reduces_channels() -> Refusal:
    """The refusal of a mean or maximum over the channels of a map."""
    return Refusal(
        "reduces the channels of a map",
        "reduce its rows and columns alone; a mean over channels is a 1 x 1 convolution of equal weights",
    )


def combines_layers(operator: str) -> Refusal:
    """The refusal of an operator on values of two layers."""
    what = {"Mul": "multiplies", "Div": "divides"}.get(operator, "combines")
    return Refusal(
        f"{what} two values that come from different layers",
        "sums of layers are mapped, products of two activations and choices between them are not; leave the branch out",
    )
