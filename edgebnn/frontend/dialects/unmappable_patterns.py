"""Limits of the chip and of the compiler: what no other export gets round, since it is how the model computes.

Around such a node exporters write others (transpositions around an LSTM, reshapes around a group norm) that may be
refused for reasons of their own. What a user should read first is the limit, so it is looked for in the whole graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from edgebnn.frontend.dialects.elementwise import ELEMENTWISE
from edgebnn.frontend.dialects.output_operators import ENDINGS, left_out
from edgebnn.frontend.dialects.smooth_activations import SMOOTH
from edgebnn.frontend.dialects.unsupported_operators import REMEDIES
from edgebnn.frontend.onnx.graph import Graph, OnnxNode
from edgebnn.frontend.problems import Refusal

_NORM = Refusal(
    "normalises each sample by means, deviations or lengths of its own, which divides two activations",
    REMEDIES["LayerNormalization"],
)
_STATE = Refusal(
    "carries a state from each step of time to the next, and every layer is computed once for each sample",
    REMEDIES["LSTM"],
)
_UNROLLED = Refusal(
    "applies weights again to what they made of an earlier step of time, as a recurrent layer written step by step "
    "does, in a model that moves the batch axis to put time in front",
    REMEDIES["LSTM"],
)
_ATTENTION = Refusal(
    "multiplies two values of the network with each other, as attention does, and products of two activations are not "
    "mapped",
    "mix places with convolutions or dense layers, whose weights are constants",
)
_CONSTANT_SCALES = "train without it: constant scales for each channel, as of a batch norm, take its place"
_GATE = Refusal(
    "multiplies two values of the network (as a squeeze-excite gate, attention or XNOR-Net's K does), and products of "
    "two activations are not mapped",
    _CONSTANT_SCALES,
)
_QUOTIENT = Refusal(
    "divides one value of the network by another (as scales from each sample's own range do), and quotients of two "
    "activations are not mapped",
    _CONSTANT_SCALES,
)
_SHARES = Refusal(
    "makes shares of a sum of exponentials inside the network, which divides two activations",
    "let the network end in it, where it is left out, or take a sign or a quantiser in its place",
)
_PLACES = Refusal(
    "names the places of the largest values inside the network, and nothing can be computed from places",
    "let the network end in it, where it is left out",
)
_RANGE = Refusal(
    "takes its scale from the range of each sample, which divides two activations",
    REMEDIES["DynamicQuantizeLinear"],
)

_BY_NAME: dict[str, Refusal] = {
    **dict.fromkeys(("GRU", "LSTM", "RNN", "QuantLSTMCell", "Scan"), _STATE),
    **dict.fromkeys(
        (
            *("GroupNormalization", "GroupNorm", "InstanceNormalization", "LRN", "LayerNormalization"),
            *("LpNormalization", "MeanVarianceNormalization", "RMSNormalization", "SimplifiedLayerNormalization"),
            *("SkipGroupNorm", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization"),
        ),
        _NORM,
    ),
    **dict.fromkeys(("Attention", "GroupQueryAttention", "MultiHeadAttention", "QAttention"), _ATTENTION),
    **dict.fromkeys(("DynamicQuantizeLinear", "DynamicQuantizeMatMul"), _RANGE),
}
_ENDS: dict[str, Refusal] = {
    **dict.fromkeys(("Softmax", "LogSoftmax", "QLinearSoftmax"), _SHARES),
    **dict.fromkeys(("ArgMax", "TopK"), _PLACES),
}
# Operators that multiply two operands, by the places of these; elsewhere the second holds constant weights.
_WEIGHTED: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("MatMul", "Gemm", "Conv", "ConvTranspose", "MatMulInteger", "ConvInteger", "Einsum"), (0, 1)),
    **dict.fromkeys(("QLinearMatMul", "QLinearConv", "QGemm", "QLinearMul"), (0, 3)),
}
_BY_ELEMENT = frozenset(
    (
        *(*ELEMENTWISE, *SMOOTH, *ENDINGS.keys() - _ENDS.keys()),
        *("BatchNormalization", "BipolarQuant", "DequantizeLinear", "IntQuant", "MultiThreshold", "Quant"),
        *("Log", "Pow", "QuantizeLinear", "Reciprocal", "Sqrt", "Trunc"),
    )
)
_STATISTICS = frozenset(("Pow", "ReduceL1", "ReduceL2", "ReduceSumSquare", "Sqrt"))
_KNOWN = frozenset(("Shape", "Size"))  # what they make depends on no value


def limits_of(graph: Graph) -> Iterator[tuple[OnnxNode, Refusal]]:
    """The nodes that reach a limit, and which one it is, in the graph's order.

    A product of two functions of one value is none by itself: of that value it is one function.
    """
    ends, sources, makers = left_out(graph), _sources(graph), _makers(graph)
    again = _applied_again(graph, sources, makers) if any(map(_moves_batch, graph.nodes)) else frozenset()
    for node in graph.nodes:
        found = _UNROLLED if node.name in again else _limit(node, ends, sources, makers)
        if found is not None and any(name in sources for name in node.inputs):
            yield node, found


def _limit(
    node: OnnxNode, ends: frozenset[str], sources: Mapping[str, str], makers: Mapping[str, OnnxNode]
) -> Refusal | None:
    if node.operator in _ENDS:
        return None if ends.issuperset(filter(None, node.outputs)) else _ENDS[node.operator]
    if node.operator in _WEIGHTED:
        both = [node.inputs[place] for place in _WEIGHTED[node.operator] if place < len(node.inputs)]
        if len(both) < 2 or any(name not in sources for name in both):
            return None
        return _GATE if node.operator == "QLinearMul" else _ATTENTION
    if node.operator in ("Mul", "Div") and len({sources[name] for name in node.inputs if name in sources}) == 2:
        if any(_is_statistic(name, sources[name], makers) for name in node.inputs):
            return _NORM
        return _GATE if node.operator == "Mul" else _QUOTIENT
    return _BY_NAME.get(node.operator)


def _moves_batch(node: OnnxNode) -> bool:
    order = node.integers("perm") if node.operator == "Transpose" else None
    return order is not None and order[:1] != (0,)


def _applied_again(graph: Graph, sources: Mapping[str, str], makers: Mapping[str, OnnxNode]) -> frozenset[str]:
    """The names of the nodes that apply weights to a value that these weights were applied to before."""
    weights: dict[str, str] = {}  # of each node that multiplies with constants
    for node in graph.nodes:
        place = _WEIGHTED[node.operator][1] if node.operator in _WEIGHTED else len(node.inputs)
        if place < len(node.inputs) and node.inputs[0] in sources and node.inputs[place] not in sources:
            weights[node.name] = _origin(node.inputs[place], makers)
    often = {name for name, count in Counter(weights.values()).items() if count > 1}
    behind: dict[str, frozenset[str]] = {}  # which of the weights that are applied often each value depends on
    found = []
    for node in graph.nodes:
        before = frozenset[str]().union(*(behind.get(name, ()) for name in node.inputs))
        own = weights.get(node.name)
        if own is not None and own in often:
            if own in before:
                found.append(node.name)
            before |= {own}
        behind.update((name, before) for name in node.outputs if before)
    return frozenset(found)


def _origin(name: str, makers: Mapping[str, OnnxNode]) -> str:
    """The constant that another is made of, through transpositions and quantisers."""
    while name in makers and makers[name].inputs:
        name = makers[name].inputs[0]
    return name


def _is_statistic(name: str, source: str, makers: Mapping[str, OnnxNode]) -> bool:
    """Whether a factor is a root or a length, up to operators that treat each element alone."""
    behind = [name]
    for value in behind:  # grows while it is walked
        node = makers.get(value)
        if node is None or len(behind) > 16:
            continue
        if node.operator in _STATISTICS:
            return True
        if value != source or node.operator in ("Expand", "Reshape", "Unsqueeze"):
            behind.extend(node.inputs)
    return False


def _sources(graph: Graph) -> dict[str, str]:
    """For each value that depends on the input the last value of which each of its elements is a function alone."""
    sources = {given.name: given.name for given in graph.inputs}
    for node in graph.nodes:
        own = {sources[name] for name in node.inputs if name in sources}
        if (own or node.has_subgraph) and node.operator not in _KNOWN:
            alone = len(own) == 1 and node.operator in _BY_ELEMENT
            sources.update((name, min(own) if alone else name) for name in node.outputs if name)
    return sources


def _makers(graph: Graph) -> dict[str, OnnxNode]:
    return {name: node for node in graph.nodes for name in node.outputs if name}
