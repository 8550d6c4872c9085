"""`deployment.json`: a mapped network as a JSON document, and back again together with its weights image."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from math import prod
from typing import Any, Literal, get_type_hints

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.chip.target import Target
from edgebnn.chip.target_files import check_name
from edgebnn.chip.target_rules import check_target
from edgebnn.errors import DeploymentError, EdgeBNNError
from edgebnn.mapping.cells import layer_weights
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.plan import Int8Stage, LinearStage, Plan, WeightStage, weight_sections
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.rows import WORD_BITS, input_order
from edgebnn.network.types import (
    Add,
    Affine,
    Border,
    Concat,
    Encoding,
    Input,
    Kind,
    Linear,
    MaxPool,
    Network,
    Node,
    Quantizer,
    Reshape,
    SumPool,
    Take,
    Tensor,
    Threshold,
)

_NODES: dict[str, type[Node]] = {
    "linear": Linear,
    "threshold": Threshold,
    "maxpool": MaxPool,
    "sumpool": SumPool,
    "add": Add,
    "concat": Concat,
    "reshape": Reshape,
    "take": Take,
    "affine": Affine,
}
SCHEMA: Literal[3] = 3
_MOST_LISTS = 1 << 20
_TYPES: dict[type, str] = {node: name for name, node in _NODES.items()}
# Constants that stand in the document as lists: the type of the list, and of the array that it is.
_ARRAYS: dict[str, tuple[Any, type[np.generic]]] = {
    "thresholds": (list[list[int]], np.int32),
    "direction": (list[int], np.int8),
    "multiplier": (list[list[int]], np.int32),
    "offset": (list[list[int]], np.int64),
    "knees": (list[list[int]], np.int32),
    "places": (list[int], np.int32),
}


class FirmwareFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was built: the compiler and the sizes in bytes that were read from the ELF."""

    compiler: str
    constant_bytes: int  # what is only read: code, constants and the weights image
    data_bytes: int  # what is written, the stack included


class _AnyRecord(msgspec.Struct, frozen=True):
    schema: int


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document. `files` holds the SHA-256 of every other file of the folder."""

    schema: Literal[3]
    provenance: Provenance
    target: Target
    policy: str | None
    network: dict[str, Any]
    plan: Plan
    firmware: FirmwareFacts | None
    files: dict[str, str]


def record_of(mapped: MappedNetwork, firmware: FirmwareFacts | None, files: dict[str, bytes]) -> Record:
    """The record of a deployment and the files that go with it."""
    return Record(
        schema=SCHEMA,
        provenance=mapped.provenance,
        target=mapped.target,
        policy=mapped.policy,
        network=_network_document(mapped.network),
        plan=mapped.plan,
        firmware=firmware,
        files={name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
    )


def encode(record: Record) -> bytes:
    """The JSON text."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def decode(data: bytes, where: str) -> Record:
    """The record in a JSON text; DeploymentError where it is damaged or of another schema."""
    # Each list takes far more memory than the two bytes that state it.
    if data.count(b"[") + data.count(b"{") > _MOST_LISTS:
        raise DeploymentError(f"'{where}' holds more lists than a deployment's record does; compile again")
    try:
        schema = msgspec.json.decode(data, type=_AnyRecord).schema
        if schema != SCHEMA:
            raise DeploymentError(f"'{where}' was written by another build of edgebnn; compile again")
        return msgspec.json.decode(data, type=Record)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DeploymentError(
            f"'{where}' is not a deployment that this version can read ({error}); compile again"
        ) from error


def restore(record: Record, image: bytes, where: str) -> MappedNetwork:
    """The mapped network of a record and its weights image.

    Target and network are checked as if they came from a user's own files, and the network is mapped afresh, so that
    nothing trusts the numbers in a record: where the result is not what it says, DeploymentError.
    """
    damaged = f"the deployment '{where}' is damaged"
    try:
        check_target(record.target, f"target '{record.target.name}'")
        check_name(record.target, "its target")
        network = _network(record.network, record.plan, image)
        mapped = map_network(network, record.target, record.provenance, record.policy)
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        msgspec.ValidationError,
        EdgeBNNError,
    ) as error:
        raise DeploymentError(f"{damaged} ({error}); compile again") from error
    # Every executor writes the answer into 32-bit words.
    if network.output.kind is not Kind.SCORES:
        raise DeploymentError(f"{damaged}: its network ends in {network.output.kind}, not in scores; compile again")
    if mapped.plan != record.plan or mapped.image != image:
        raise DeploymentError(f"{damaged}: its plan does not follow from its network and target; compile again")
    stated = (record.provenance.target_sha256, record.provenance.model_sha256)
    if stated != (record.target.sha256, network.model_sha256):
        raise DeploymentError(f"{damaged}: its provenance names another target or model; compile again")
    return mapped


def _network_document(network: Network) -> dict[str, Any]:
    rest = {item.name: getattr(network, item.name) for item in fields(network) if item.name not in ("nodes", "inputs")}
    return {
        **{name: msgspec.to_builtins(value) for name, value in rest.items()},
        "inputs": [
            {"tensor": msgspec.to_builtins(entry.tensor), "encoding": _encoding_document(entry.encoding)}
            for entry in network.inputs
        ],
        "nodes": [_node_document(node) for node in network.nodes],
    }


def _node_document(node: Node) -> dict[str, Any]:
    """A node's fields; arrays as lists, but for a layer's weights, of which the image has the only copy."""
    document: dict[str, Any] = {"type": _TYPES[type(node)]}
    for item in fields(node):
        value = getattr(node, item.name)
        if item.name == "weights":
            document["weights_shape"] = list(value.shape)
        elif item.name == "border":
            document["border"] = value and _border_document(value)
        else:
            document[item.name] = value.tolist() if isinstance(value, np.ndarray) else msgspec.to_builtins(value)
    return document


def _border_document(border: Border) -> dict[str, Any]:
    return {
        "zones": [zones.tolist() for zones in border.zones],
        "start": border.start.reshape(-1).tolist(),
        "shape": list(border.start.shape),
        "shift": border.shift,
    }


def _border(document: dict[str, Any]) -> Border:
    return Border(
        tuple(np.array(zones, np.uint16) for zones in msgspec.convert(document["zones"], list[list[int]])),
        np.array(msgspec.convert(document["start"], list[int]), np.int32).reshape(
            msgspec.convert(document["shape"], tuple[int, ...])
        ),
        msgspec.convert(document["shift"], int),
    )


def _encoding_document(encoding: Encoding) -> dict[str, Any]:
    """Thresholds in hexadecimal: to the bit, and infinity, which JSON has no number for, among them."""
    quantizer = encoding.quantizer
    return {
        "dtype": encoding.dtype,
        "axes": list(encoding.axes),
        "offset": float(encoding.offset).hex(),
        "quantizer": quantizer
        and {
            "thresholds": [[float(value).hex() for value in row] for row in quantizer.thresholds],
            "direction": quantizer.direction.tolist(),
            "low": quantizer.low,
            "step": quantizer.step,
        },
    }


def _network(document: dict[str, Any], plan: Plan, image: bytes) -> Network:
    stages = {stage.node: stage for stage in plan.stages if isinstance(stage, LinearStage | Int8Stage)}
    nodes = tuple(_node(item, stages, image) for item in document["nodes"])
    hints = get_type_hints(Network)
    rest = {
        name: msgspec.convert(value, hints[name]) for name, value in document.items() if name not in ("nodes", "inputs")
    }
    inputs = tuple(
        Input(msgspec.convert(item["tensor"], Tensor), _encoding(item["encoding"])) for item in document["inputs"]
    )
    return Network(nodes=nodes, inputs=inputs, **rest)


def _encoding(document: dict[str, Any]) -> Encoding:
    stored = document["quantizer"]
    quantizer = None
    if stored is not None:
        thresholds = msgspec.convert(stored["thresholds"], list[list[str]])
        quantizer = Quantizer(
            thresholds=np.array([[float.fromhex(text) for text in row] for row in thresholds], np.float32),
            direction=np.array(msgspec.convert(stored["direction"], list[int]), np.int8),
            low=msgspec.convert(stored["low"], int),
            step=msgspec.convert(stored["step"], int),
        )
    axes = msgspec.convert(document["axes"], tuple[int, ...])
    offset = float.fromhex(msgspec.convert(document["offset"], str))
    return Encoding(_dtype(document["dtype"]), axes, quantizer, offset)


def _dtype(text: Any) -> str:
    name = msgspec.convert(text, str)
    if np.dtype(name).kind not in "iufb":
        raise ValueError(f"samples are no '{name}'")
    return name


def _node(document: dict[str, Any], stages: dict[str, WeightStage], image: bytes) -> Node:
    node = _NODES[document["type"]]
    hints = get_type_hints(node)
    values: dict[str, Any] = {}
    for name, value in document.items():
        if name == "weights_shape":
            values["weights"] = _weights(msgspec.convert(value, tuple[int, ...]), stages[document["name"]], image)
        elif name == "border":
            values[name] = None if value is None else _border(value)
        elif name in _ARRAYS:
            listed, dtype = _ARRAYS[name]
            values[name] = np.array(msgspec.convert(value, listed), dtype=dtype)
        elif name != "type":
            values[name] = msgspec.convert(value, hints[name])
    return node(**values)


def _weights(shape: tuple[int, ...], stage: WeightStage, image: bytes) -> npt.NDArray[np.int8]:
    """A layer's weights from the image, once nothing that the stage says asks for more than the image holds."""
    taps = prod(stage.window.kernel)
    sections = weight_sections(stage)
    row_bytes, held = stage.fan_in, stage.fan_in
    if isinstance(stage, LinearStage):
        row_bytes, held = 4 * stage.row_words, WORD_BITS * stage.row_words
    if (
        min(shape, default=0) < 1
        or min(stage.window.kernel) < 1
        or prod(shape[1:]) != stage.fan_in
        or stage.fan_in % taps
        or stage.fan_in > held
        or any(section.bytes != shape[0] * row_bytes for section in sections)
        or any(section.offset < 0 or section.offset + section.bytes > len(image) for section in sections)
    ):
        raise ValueError(f"the weights of layer '{stage.node}' do not lie in the image as its plan says")
    rows = layer_weights(image, stage)
    weights = np.empty_like(rows)
    weights[:, input_order(stage.fan_in, stage.window)] = rows
    return weights.reshape(shape)
