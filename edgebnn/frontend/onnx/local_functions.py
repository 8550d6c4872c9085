"""A model's local functions, put in place of their calls, once it is known that the result stays small."""

from __future__ import annotations

from collections.abc import Iterable

from onnx import FunctionProto, ModelProto, NodeProto, inliner

from edgebnn.errors import ModelError
from edgebnn.frontend.problems import printable

# Calls within calls: exporters nest a function for each module of a model within another.
MAX_DEPTH = 64

_AGAIN = "export the model again without functions"

_Key = tuple[str, str, str]


def inlined(model: ModelProto, most_nodes: int, most_bytes: int) -> ModelProto:
    """The model without local functions; ModelError where they call themselves or grow beyond the bounds.

    A function that calls another twice, which calls a third twice, and so on, doubles with every one: nodes and bytes
    are counted before anything is copied.
    """
    nodes, size = _Counted(model.functions).cost(model.graph.node, 0)
    if nodes > most_nodes or size > most_bytes:
        raise ModelError(f"the model's local functions make {nodes} nodes of {size} bytes of it; simplify it")
    # The inliner too is a parser of hostile bytes, so any exception is the file's fault.
    try:
        flat = inliner.inline_local_functions(model)
    except Exception as error:
        raise ModelError(f"the model's local functions do not fit together; {_AGAIN}") from error
    called = {(node.domain, node.op_type) for node in flat.graph.node}
    for function in flat.functions:
        if (function.domain, function.name) in called:
            raise ModelError(
                f"the model's local function '{printable(function.name)}' is written for another opset; {_AGAIN}"
            )
    return flat


class _Counted:
    """What calls of local functions come to, each function counted once."""

    def __init__(self, functions: Iterable[FunctionProto]) -> None:
        self._functions: dict[_Key, FunctionProto] = {
            (function.domain, function.name, getattr(function, "overload", "")): function for function in functions
        }
        self._known: dict[_Key, tuple[int, int]] = {}
        self._open: list[_Key] = []

    def cost(self, nodes: Iterable[NodeProto], depth: int) -> tuple[int, int]:
        """Nodes and bytes of a list of nodes with all calls replaced, those in subgraphs too."""
        if depth > MAX_DEPTH:
            raise ModelError(f"the model's local functions or subgraphs are nested deeper than {MAX_DEPTH}; {_AGAIN}")
        count = size = 0
        for node in nodes:
            key = (node.domain, node.op_type, getattr(node, "overload", ""))
            inner = self._of_function(key, depth + 1) if key in self._functions else (1, node.ByteSize())
            count, size = count + inner[0], size + inner[1]
            for attribute in node.attribute:
                for graph in (attribute.g, *attribute.graphs):
                    inner = self.cost(graph.node, depth + 1)
                    count, size = count + inner[0], size + inner[1]
        return count, size

    def _of_function(self, key: _Key, depth: int) -> tuple[int, int]:
        if key in self._open:
            raise ModelError(f"the model's local function '{printable(key[1])}' calls itself; {_AGAIN}")
        if key not in self._known:
            self._open.append(key)
            self._known[key] = self.cost(self._functions[key].node, depth)
            self._open.pop()
        return self._known[key]
