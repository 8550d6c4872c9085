"""`deployment.json`: a mapped network as a JSON document, and back again together with its weights image."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import Any, Literal

import msgspec
import numpy as np

from edgebnn.chip.target import Target
from edgebnn.errors import DeploymentError, EdgeBNNError
from edgebnn.mapping.cells import layer_weights
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.plan import LinearStage, Plan
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.rows import input_order
from edgebnn.network.types import (
    Affine,
    Linear,
    MaxPool,
    Network,
    Node,
    Reshape,
    Tensor,
    Threshold,
    WeightKind,
    Window,
)

_NODES: dict[str, type[Node]] = {
    "linear": Linear,
    "threshold": Threshold,
    "maxpool": MaxPool,
    "reshape": Reshape,
    "affine": Affine,
}
_TYPES: dict[type, str] = {node: name for name, node in _NODES.items()}


class FirmwareFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was built: the compiler and the sizes in bytes that were read from the ELF."""

    compiler: str
    code_bytes: int
    weights_bytes: int
    data_bytes: int


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document. `files` holds the SHA-256 of every other file of the folder."""

    schema: Literal[1]
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
        schema=1,
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
    try:
        return msgspec.json.decode(data, type=Record)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DeploymentError(
            f"'{where}' is not a deployment that this version can read ({error}); compile again"
        ) from error


def restore(record: Record, image: bytes, where: str) -> MappedNetwork:
    """The mapped network of a record and its weights image.

    The network is read from the two and mapped afresh, so that nothing trusts the offsets in a file: where the result
    is not what the record says, DeploymentError.
    """
    damaged = f"the deployment '{where}' is damaged"
    try:
        network = _network(record.network, record.plan, image)
        mapped = map_network(network, record.target, record.provenance, record.policy)
    except (
        KeyError,
        IndexError,
        ValueError,
        TypeError,
        AttributeError,
        msgspec.ValidationError,
        EdgeBNNError,
    ) as error:
        raise DeploymentError(f"{damaged} ({error}); compile again") from error
    if mapped.plan != record.plan or mapped.image != image:
        raise DeploymentError(f"{damaged}: its plan does not follow from its network and target; compile again")
    return mapped


def _network_document(network: Network) -> dict[str, Any]:
    return {
        "name": network.name,
        "input": msgspec.to_builtins(network.input),
        "input_dtype": network.input_dtype,
        "model_sha256": network.model_sha256,
        "notes": list(network.notes),
        "score_error": network.score_error,
        "nodes": [_node_document(node) for node in network.nodes],
    }


def _node_document(node: Node) -> dict[str, Any]:
    """A node's fields; arrays as lists, but for a layer's weights, of which the image has the only copy."""
    document: dict[str, Any] = {"type": _TYPES[type(node)]}
    for item in fields(node):
        value = getattr(node, item.name)
        if item.name == "weights":
            document["weights_shape"] = list(value.shape)
        else:
            document[item.name] = value.tolist() if isinstance(value, np.ndarray) else msgspec.to_builtins(value)
    return document


def _network(document: dict[str, Any], plan: Plan, image: bytes) -> Network:
    stages = {stage.node: stage for stage in plan.stages if isinstance(stage, LinearStage)}
    return Network(
        name=document["name"],
        input=msgspec.convert(document["input"], Tensor),
        nodes=tuple(_node(item, stages, image) for item in document["nodes"]),
        input_dtype=document["input_dtype"],
        model_sha256=document["model_sha256"],
        notes=tuple(document["notes"]),
        score_error=document["score_error"],
    )


def _node(document: dict[str, Any], stages: dict[str, LinearStage], image: bytes) -> Node:
    values = dict(document)
    kind = values.pop("type")
    if kind == "linear":
        shape = tuple(values.pop("weights_shape"))
        stage = stages[values["name"]]
        rows = layer_weights(image, stage)
        flat = np.empty_like(rows)
        flat[:, input_order(stage.fan_in, stage.window)] = rows
        values["weights"] = flat.reshape(shape)
        values["weight_kind"] = WeightKind(values["weight_kind"])
    if "window" in values:
        values["window"] = msgspec.convert(values["window"], Window)
    for name, dtype in (
        ("thresholds", np.int32),
        ("direction", np.int8),
        ("multiplier", np.int32),
        ("offset", np.int32),
    ):
        if name in values:
            values[name] = np.array(values[name], dtype=dtype)
    values["sources"] = tuple(values["sources"])
    values["output"] = msgspec.convert(values["output"], Tensor)
    return _NODES[kind](**values)
