"""Checked reading of an ONNX file: whatever the bytes are, the answer is a `Graph` or a `ModelError`, soon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from edgebnn.apart.onnx_session import RunnableModel
from edgebnn.choices import choice
from edgebnn.errors import ModelError
from edgebnn.frontend.onnx.float16 import widened
from edgebnn.frontend.onnx.graph import Array, AttributeValue, Graph, OnnxNode, needed
from edgebnn.frontend.onnx.graph_inputs import graph_inputs, unread_notes
from edgebnn.frontend.onnx.local_functions import MAX_DEPTH, inlined
from edgebnn.frontend.onnx.tensors import TensorReader
from edgebnn.frontend.onnx.validity import NEWEST_OPSET, check_header, check_validity
from edgebnn.frontend.onnx.value_info import stated_of
from edgebnn.frontend.onnx.wire_format import check_parts
from edgebnn.frontend.problems import printable
from edgebnn.inputs import read_input

MAX_MODEL_BYTES = 2**29
MAX_NODES = 20_000
MAX_EDGES = 200_000
OLDEST_OPSET = 9

_AGAIN = "export the model again"
_SHOWN = 8  # outputs that a message names


@dataclass(frozen=True, eq=False)
class Stored:
    """What an ONNX file holds, each value of it given one name; `sha256` is that of the file and its external data."""

    model: ModelProto
    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, Array]
    inputs: tuple[ValueInfoProto, ...]
    opset: int
    sha256: str


def graph_of(stored: Stored, output: str | None = None) -> Graph:
    """The graph of a file that ends in `output`, by default its only one, without nodes that this does not need.

    Raises ModelError where it is no model with inputs and such an output.
    """
    chosen, nodes = _ending_in(stored, output)
    used = {name for node in nodes for name in node.inputs}
    read = [value for value in stored.inputs if value.name in used]
    graph = Graph(
        name=printable(stored.model.graph.name),
        inputs=graph_inputs(read or stored.inputs[:1]),
        output=chosen,
        nodes=nodes,
        constants={name: array for name, array in stored.constants.items() if name in used},
        opset=stored.opset,
        sha256=stored.sha256,
        notes=unread_notes([value.name for value in stored.inputs if value.name not in used], chosen) if read else (),
        ends_in_half=any(
            value.name == chosen and value.type.tensor_type.elem_type == TensorProto.FLOAT16
            for value in stored.model.graph.output
        ),
        producer=_producer(stored.model),
        stated=stated_of(stored.model),
    )
    return widened(graph)


def _ending_in(stored: Stored, output: str | None) -> tuple[str, tuple[OnnxNode, ...]]:
    """The output that is meant, and the nodes that it depends on in an order in which they can be run."""
    chosen = _output([value.name for value in stored.model.graph.output], stored.nodes, output)
    ready = {*stored.constants, *(value.name for value in stored.inputs)}
    return chosen, needed(_ordered(stored.nodes, ready), chosen)


def _producer(model: ModelProto) -> str:
    """The program that wrote the file, as it says itself; of PyTorch's two exporters the one that notes its sources."""
    name = printable(model.producer_name)
    noted = any(entry.key.startswith("pkg.torch") for node in model.graph.node for entry in node.metadata_props)
    return f"{name} (dynamo)" if noted else name


def runnable(stored: Stored, name: str, output: str | None = None) -> RunnableModel:
    """The model for onnxruntime, whose file is called `name`: the graph of `graph_of` in one piece."""
    chosen, nodes = _ending_in(stored, output)
    whole, kept = stored.model.graph, set(nodes)
    used = {value for node in nodes for value in node.inputs}
    graph = GraphProto(name=whole.name)
    graph.node.extend(proto for proto, node in zip(whole.node, stored.nodes, strict=True) if node in kept)
    graph.initializer.extend(tensor for tensor in whole.initializer if tensor.name in used)
    graph.input.extend(value for value in whole.input if value.name in used)
    known = [value for value in whole.output if value.name == chosen]
    graph.output.extend(known or [ValueInfoProto(name=chosen)])
    model = ModelProto(ir_version=stored.model.ir_version, opset_import=stored.model.opset_import, graph=graph)
    return RunnableModel(name, model.SerializeToString(), stored.sha256, frozenset(node.domain for node in nodes))


def read_stored(path: Path) -> Stored:
    """What an ONNX file holds; ModelError where it is missing, too large or damaged."""
    content = _content(path)
    model = _parsed(content)
    tensors = TensorReader(path.parent)
    opset = _opset(model)
    proto = model.graph
    constants: dict[str, Array] = {}
    for tensor in proto.initializer:
        _claim(tensor.name, constants)
        constants[tensor.name] = tensors.array(tensor, tensor.name)
    nodes = tuple(_nodes(proto.node, tensors))
    inputs = tuple(value for value in proto.input if value.name not in constants)
    _check_names(nodes, constants, [value.name for value in inputs])
    digest = sha256(content).hexdigest()
    external = tensors.external_hashes()
    if external:
        digest = sha256("".join([digest, *external]).encode()).hexdigest()
    check_validity(model)
    _check_whole(model.graph)
    return Stored(model, nodes, constants, inputs, opset, digest)


def _content(path: Path) -> bytes:
    # `it`, since what names the file stands in front of every error of a model.
    return read_input(path, MAX_MODEL_BYTES, ModelError, called="it", remedy="give the path of an ONNX model")


def _parsed(content: bytes) -> ModelProto:
    check_parts(content)
    # The one place where any exception is taken for the file's fault: the protobuf parser, not our logic, speaks here.
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise ModelError(f"the file is not an ONNX model, or it is truncated; {_AGAIN}") from error
    if not model.graph.node:
        raise ModelError(f"the file holds no network, or it is truncated; {_AGAIN}")
    _check_nodes(model)
    check_header(model)
    if model.functions:
        model = inlined(model, MAX_NODES, MAX_MODEL_BYTES)
        _check_nodes(model)
    for part in ("functions", "training_info", "metadata_props"):  # nobody reads them, so nobody checks them
        model.ClearField(part)
    if model.graph.sparse_initializer:
        raise ModelError(f"the model has sparse tensors; make them dense and {_AGAIN}")
    return model


def _check_whole(graph: GraphProto, depth: int = 0) -> None:
    """ModelError where a part that is not read, a subgraph, has its data in other files."""
    if depth > MAX_DEPTH:
        raise ModelError(f"the model's subgraphs are nested deeper than {MAX_DEPTH}; simplify it")
    attributes = [attribute for node in graph.node for attribute in node.attribute]
    tensors = (*graph.initializer, *(tensor for each in attributes for tensor in (each.t, *each.tensors)))
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in tensors):
        raise ModelError(f"a subgraph of the model has its data in another file; {_AGAIN}")
    for attribute in attributes:
        for inner in (attribute.g, *attribute.graphs):
            _check_whole(inner, depth + 1)


def _check_nodes(model: ModelProto) -> None:
    if len(model.graph.node) > MAX_NODES or sum(len(node.input) for node in model.graph.node) > MAX_EDGES:
        raise ModelError(f"the model has {len(model.graph.node)} nodes, over the limit of {MAX_NODES}; simplify it")
    if not all(isinstance(text, str) for text in _texts(model)):
        raise ModelError(f"the model has names that are no text; the file is damaged, {_AGAIN}")


def _texts(model: ModelProto) -> Iterator[object]:
    """Every name in the model that is read; protobuf hands out bytes where one is not UTF-8."""
    yield model.graph.name
    for entry in model.opset_import:
        yield entry.domain
    for named in (*model.graph.initializer, *model.graph.input, *model.graph.output):
        yield named.name
    for function in model.functions:
        yield from (function.name, function.domain, *function.input, *function.output, *function.attribute)
    for node in (*model.graph.node, *(node for function in model.functions for node in function.node)):
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    tensors = (*model.graph.initializer, *(attribute.t for node in model.graph.node for attribute in node.attribute))
    for entry in (entry for tensor in tensors for entry in tensor.external_data):
        yield from (entry.key, entry.value)


def _opset(model: ModelProto) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not versions and model.opset_import:
        # Files that import custom domains alone: the newest opset of their time. Before opset 9 nothing that is read
        # here differed.
        of_its_time = [row[2] for row in helper.VERSION_TABLE if row[1] == model.ir_version]
        versions = [max([OLDEST_OPSET, *of_its_time]) if of_its_time else NEWEST_OPSET]
    if not versions:
        raise ModelError(f"the model does not say which ONNX opset it uses; {_AGAIN} with opset {NEWEST_OPSET}")
    version = int(versions[0])
    if not OLDEST_OPSET <= version <= NEWEST_OPSET:
        raise ModelError(
            f"the model uses ONNX opset {version}, but {OLDEST_OPSET} to {NEWEST_OPSET} are known; "
            f"{_AGAIN} with one of these"
        )
    return version


def _nodes(protos: Iterable[NodeProto], tensors: TensorReader) -> Iterable[OnnxNode]:
    taken: Counter[str] = Counter()
    for index, proto in enumerate(protos):
        name = printable(proto.name) or f"{printable(proto.op_type)}_{index}"
        taken[name] += 1
        attributes = {attribute.name: attribute for attribute in proto.attribute}
        values = {key: _attribute(value, name, tensors) for key, value in attributes.items()}
        yield OnnxNode(
            name=name if taken[name] == 1 else f"{name}#{index}",
            operator=proto.op_type,
            domain="" if proto.domain == "ai.onnx" else proto.domain,
            inputs=tuple(proto.input),
            outputs=tuple(proto.output),
            attributes={key: value for key, value in values.items() if value is not None},
            has_subgraph=any(value is None for value in values.values()),
        )


def _attribute(attribute: AttributeProto, node: str, tensors: TensorReader) -> AttributeValue | None:
    """The attribute's value, or None for a subgraph, which no operator that is mapped has."""
    match attribute.type:
        case AttributeProto.FLOAT:
            return float(attribute.f)
        case AttributeProto.INT:
            return int(attribute.i)
        case AttributeProto.STRING:
            return attribute.s.decode(errors="replace")
        case AttributeProto.TENSOR:
            return tensors.array(attribute.t, f"{node}.{attribute.name}")
        case AttributeProto.FLOATS:
            return tuple(map(float, attribute.floats))
        case AttributeProto.INTS:
            return tuple(map(int, attribute.ints))
        case AttributeProto.STRINGS:
            return tuple(text.decode(errors="replace") for text in attribute.strings)
        case AttributeProto.GRAPH | AttributeProto.GRAPHS:
            return None
        case _:
            raise ModelError(
                f"node '{node}' has an attribute '{printable(attribute.name)}' of a kind that is not read; {_AGAIN}"
            )


def _claim(name: str, taken: Mapping[str, object] | set[str]) -> None:
    if name in taken:
        raise ModelError(f"the name '{printable(name)}' is given to two values; {_AGAIN}")


def _check_names(nodes: tuple[OnnxNode, ...], constants: Mapping[str, Array], inputs: list[str]) -> None:
    made: set[str] = set(constants)
    for name in inputs:
        _claim(name, made)
        made.add(name)
    for node in nodes:
        for name in filter(None, node.outputs):
            _claim(name, made)
            made.add(name)
    for node in nodes:
        for name in filter(None, node.inputs):
            if name not in made:
                raise ModelError(f"node '{node.name}' reads '{printable(name)}', which nothing makes; {_AGAIN}")


def _ordered(nodes: tuple[OnnxNode, ...], ready: set[str]) -> tuple[OnnxNode, ...]:
    """The nodes in an order in which they can be run (Kahn's algorithm, stable); ModelError for a cycle."""
    readers: dict[str, list[int]] = {}
    missing = []
    for index, node in enumerate(nodes):
        wanted = {name for name in node.inputs if name and name not in ready}
        missing.append(len(wanted))
        for name in wanted:
            readers.setdefault(name, []).append(index)
    order = [index for index, count in enumerate(missing) if count == 0]
    for index in order:  # grows while it is walked
        for name in nodes[index].outputs:
            for reader in readers.get(name, ()):
                missing[reader] -= 1
                if missing[reader] == 0:
                    order.append(reader)
    if len(order) < len(nodes):
        stuck = next(node for node, count in zip(nodes, missing, strict=True) if count)
        raise ModelError(f"node '{stuck.name}' depends on its own output; a network must be free of cycles, {_AGAIN}")
    return tuple(nodes[index] for index in order)


def _output(names: list[str], nodes: tuple[OnnxNode, ...], chosen: str | None) -> str:
    """The output that was chosen; without a choice the only one, or that of a TopK's two which names the classes."""
    shown = ", ".join(f"'{printable(name)}'" for name in names[:_SHOWN]) or "none"
    shown += f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    if chosen is not None:
        if chosen not in names:
            raise ModelError(
                f"the model has no output '{printable(chosen)}'; choose one of {shown} with {choice('output')}"
            )
        names = [chosen]
    for node in nodes:
        if node.operator == "TopK" and not node.domain and len(names) > 1 and sorted(names) == sorted(node.outputs):
            return node.outputs[1]
    if len(names) != 1:
        raise ModelError(
            f"the model has {len(names)} outputs ({shown}), and a network ends in one; "
            + (f"choose it with {choice('output', 'NAME')}" if names else _AGAIN)
        )
    if not any(names[0] in node.outputs for node in nodes):
        raise ModelError(f"output '{printable(names[0])}' is made by no node; {_AGAIN}")
    return names[0]
