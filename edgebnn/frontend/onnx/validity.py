"""Whether the nodes of a model are valid ONNX, by ONNX's own checker: operands, outputs, attributes and their types.

A surplus operand, or an attribute that an operator does not have, would otherwise be dropped in silence. Operators of
other domains, and those that exporters write without theirs, have no schema: who reads them looks at them.
"""

from __future__ import annotations

from onnx import IR_VERSION, AttributeProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, defs

from edgebnn.errors import ModelError
from edgebnn.frontend.problems import printable

NEWEST_OPSET: int = defs.onnx_opset_version()
_OLDEST_IR = 4  # from which on initializers are no inputs
_AGAIN = "export the model again"


def check_header(model: ModelProto) -> None:
    """ModelError where the file lacks what ONNX's checker and onnxruntime ask of every file, or says it twice.

    What is left out of types and shapes is taken as onnxruntime takes it: as not said.
    """
    if not 0 < model.ir_version <= IR_VERSION:
        raise ModelError(
            f"the file is of version {model.ir_version} of ONNX's format, and 1 to {IR_VERSION} are known; {_AGAIN}"
        )
    if not model.graph.name:
        raise ModelError(f"the file's graph has no name, which ONNX asks for; {_AGAIN}")
    taken: set[str] = set()
    for node in model.graph.node:
        if node.name and node.name in taken:
            raise ModelError(f"the name '{printable(node.name)}' is given to two nodes; {_AGAIN}")
        taken.add(node.name)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for value in model.graph.input:
        _check_input(value, constants.get(value.name))


def _check_input(value: ValueInfoProto, constant: TensorProto | None) -> None:
    """ModelError for an input of no type, or one whose default is of another type or shape than it says."""
    kind = value.type.tensor_type
    if not kind.elem_type:
        raise ModelError(f"input '{printable(value.name)}' has no type; {_AGAIN}")
    if constant is None:
        return
    extents = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    alike = len(extents) == len(constant.dims) and all(
        said in (None, extent) for said, extent in zip(extents, constant.dims, strict=True)
    )
    if kind.elem_type != constant.data_type or (kind.HasField("shape") and not alike):
        raise ModelError(
            f"input '{printable(value.name)}' has a constant of another type or shape than it says; {_AGAIN}"
        )


def check_validity(model: ModelProto) -> None:
    """ModelError naming the first node that ONNX's checker refuses.

    Tools that rewrite models leave nodes in the form of a later opset than the file states (Brevitas a TopK with its k
    as an operand, at opset 9): that of the newest one is valid too, as nothing of such a node is dropped. Files that
    state no opset of the default domain have none to be checked by.
    """
    imported = {"" if entry.domain == "ai.onnx" else entry.domain: int(entry.version) for entry in model.opset_import}
    if "" not in imported:
        return
    stated, newest = (_context(model.ir_version, imported | {"": opset}) for opset in (imported[""], NEWEST_OPSET))
    for index, node in enumerate(model.graph.node):
        if node.domain in ("", "ai.onnx") and _has_schema(node.op_type, imported[""]):
            why = _complaint(node, stated)
            if why and _complaint(node, newest):
                name = printable(node.name) or f"{printable(node.op_type)}_{index}"
                raise ModelError(f"node '{name}' ({node.op_type}) is not valid ONNX: {why}; export the model again")


def _context(ir_version: int, opsets: dict[str, int]) -> checker.C.CheckerContext:
    context = type(checker.DEFAULT_CONTEXT)()
    context.ir_version = max(ir_version, _OLDEST_IR)
    context.opset_imports = {**opsets, "ai.onnx": opsets[""]}
    return context


def _has_schema(operator: str, opset: int) -> bool:
    try:
        defs.get_schema(operator, opset, "")
    except defs.SchemaError:
        return False
    return True


def _complaint(node: NodeProto, context: checker.C.CheckerContext) -> str:
    """What the checker says of a node, or "" for a valid one, and for one with subgraphs, of which none is mapped."""
    names = [attribute.name for attribute in node.attribute]
    if len(set(names)) < len(names):  # the checker looks at each alone
        return "it has an attribute twice"
    if any(attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for attribute in node.attribute):
        return ""
    try:
        checker.check_node(_light(node), context)
    except checker.ValidationError as error:
        first, _, _ = str(error).partition("\n")
        return printable(first.rstrip(". "), 200)
    return ""


def _light(node: NodeProto) -> NodeProto:
    """The node with empty tensors in place of its own, which `TensorReader` checks, and the checker would copy."""
    if not any(attribute.type == AttributeProto.TENSOR for attribute in node.attribute):
        return node
    light = NodeProto(op_type=node.op_type, domain=node.domain, name=node.name, input=node.input, output=node.output)
    for attribute in node.attribute:
        if attribute.type == AttributeProto.TENSOR:
            tensor = TensorProto(data_type=attribute.t.data_type, dims=[0])
            light.attribute.add(name=attribute.name, type=attribute.type, t=tensor)
        else:
            light.attribute.add().CopyFrom(attribute)
    return light
