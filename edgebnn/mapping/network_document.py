"""A network as a JSON document, its arrays in `network.bin` beside it, and back again with its weights image."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from math import prod
from typing import Any, get_type_hints

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.mapping.active import active_bytes
from edgebnn.mapping.array_file import ArrayReader, ArrayWriter
from edgebnn.mapping.cells import layer_weights
from edgebnn.mapping.halves import MOST_NEURONS, halves_bytes
from edgebnn.mapping.plan import Int8Stage, LinearStage, Plan, WeightStage, weight_sections
from edgebnn.mapping.subsets import subset_bytes
from edgebnn.mapping.weight_words import model_order
from edgebnn.network.network import Network
from edgebnn.network.types import (
    Add,
    Affine,
    Border,
    Concat,
    Encoding,
    Input,
    Linear,
    MaxPool,
    MeanInputs,
    Node,
    Quantizer,
    Reshape,
    SumPool,
    Take,
    Tensor,
    Threshold,
)
from edgebnn.words import WORD_BITS

Document = dict[str, Any]

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
_TYPES: dict[type, str] = {node: name for name, node in _NODES.items()}
# The elements of a node's arrays.
_ELEMENTS: dict[str, type[np.generic]] = {
    "thresholds": np.int32,
    "direction": np.int8,
    "multiplier": np.int32,
    "offset": np.int64,
    "knees": np.int32,
    "places": np.int32,
}


def document_of(network: Network) -> tuple[Document, bytes]:
    """The document, which has the shape of each array in its place, and `network.bin` with the arrays.

    A layer's weights are in neither: the weights image has the only copy.
    """
    arrays = ArrayWriter()
    rest = {item.name: getattr(network, item.name) for item in fields(network) if item.name not in ("nodes", "inputs")}
    document = {
        **{name: msgspec.to_builtins(value) for name, value in rest.items()},
        "inputs": [
            {
                "tensor": msgspec.to_builtins(entry.tensor),
                "encoding": _encoding_document(entry.encoding, arrays),
            }
            for entry in network.inputs
        ],
        "nodes": [_node_document(node, arrays) for node in network.nodes],
    }
    return document, arrays.data()


def network_of(document: Document, data: bytes, plan: Plan, image: bytes) -> Network:
    """The network of a document, `network.bin` and a weights image.

    Where they do not go together, one of the errors that looking up, converting and building raise.
    """
    arrays = ArrayReader(data)
    inputs = tuple(
        Input(msgspec.convert(item["tensor"], Tensor), _encoding(item["encoding"], arrays))
        for item in document["inputs"]
    )
    stages = {stage.node: stage for stage in plan.stages if isinstance(stage, LinearStage | Int8Stage)}
    nodes = tuple(_node(item, arrays, stages, image) for item in document["nodes"])
    arrays.end()
    hints = get_type_hints(Network)
    rest = {
        name: msgspec.convert(value, hints[name]) for name, value in document.items() if name not in ("nodes", "inputs")
    }
    return Network(nodes=nodes, inputs=inputs, **rest)


@cache
def _hints(kind: str) -> dict[str, Any]:
    return get_type_hints(_NODES[kind])


def _node_document(node: Node, arrays: ArrayWriter) -> Document:
    document: Document = {"type": _TYPES[type(node)]}
    for item in fields(node):
        value = getattr(node, item.name)
        if item.name == "weights":
            document["weights_shape"] = list(value.shape)
        elif item.name == "border":
            document["border"] = value and _border_document(value, arrays)
        elif item.name == "trim":
            document["trim"] = value and _trim_document(value, arrays)
        elif item.name in _ELEMENTS:
            document[item.name] = arrays.add(value.astype(_ELEMENTS[item.name], copy=False))
        else:
            document[item.name] = msgspec.to_builtins(value)
    return document


def _node(document: Document, arrays: ArrayReader, stages: dict[str, WeightStage], image: bytes) -> Node:
    node, hints = _NODES[document["type"]], _hints(document["type"])
    values: dict[str, Any] = {}
    for name, value in document.items():
        if name == "weights_shape":
            values["weights"] = _weights(_shape(value), stages[document["name"]], image)
        elif name == "border":
            values[name] = None if value is None else _border(value, arrays)
        elif name == "trim":
            values[name] = None if value is None else _trim(value, arrays)
        elif name in _ELEMENTS:
            values[name] = arrays.take(_shape(value), _ELEMENTS[name])
        elif name != "type":
            values[name] = msgspec.convert(value, hints[name])
    return node(**values)


def _shape(value: Any) -> tuple[int, ...]:
    return msgspec.convert(value, tuple[int, ...])


def _border_document(border: Border, arrays: ArrayWriter) -> Document:
    return {
        "zones": [arrays.add(zones) for zones in border.zones],
        "start": arrays.add(border.start),
        "shift": border.shift,
    }


def _border(document: Document, arrays: ArrayReader) -> Border:
    zones = tuple(arrays.take(shape, np.uint16) for shape in msgspec.convert(document["zones"], list[tuple[int, ...]]))
    return Border(zones, arrays.take(_shape(document["start"]), np.int32), msgspec.convert(document["shift"], int))


def _trim_document(trim: MeanInputs, arrays: ArrayWriter) -> Document:
    return {"values": arrays.add(trim.values), "fraction": trim.fraction, "most": trim.most}


def _trim(document: Document, arrays: ArrayReader) -> MeanInputs:
    fraction, most = (msgspec.convert(document[name], int) for name in ("fraction", "most"))
    return MeanInputs(arrays.take(_shape(document["values"]), np.int16), fraction, most)


def _encoding_document(encoding: Encoding, arrays: ArrayWriter) -> Document:
    """The offset in hexadecimal, to the bit."""
    quantizer = encoding.quantizer
    return {
        "dtype": encoding.dtype,
        "axes": list(encoding.axes),
        "offset": float(encoding.offset).hex(),
        "quantizer": quantizer
        and {
            "thresholds": arrays.add(quantizer.thresholds),
            "direction": arrays.add(quantizer.direction),
            "low": quantizer.low,
            "step": quantizer.step,
        },
    }


def _encoding(document: Document, arrays: ArrayReader) -> Encoding:
    stored = document["quantizer"]
    quantizer = None
    if stored is not None:
        quantizer = Quantizer(
            thresholds=arrays.take(_shape(stored["thresholds"]), np.float32),
            direction=arrays.take(_shape(stored["direction"]), np.int8),
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


def _weights(shape: tuple[int, ...], stage: WeightStage, image: bytes) -> npt.NDArray[np.int8]:
    """A layer's weights from the image, once nothing that the stage says asks for more than the image holds."""
    taps = prod(stage.window.kernel)
    sections = weight_sections(stage)
    neurons = min(shape[:1], default=0)
    octets, held = neurons * stage.fan_in, stage.fan_in
    if isinstance(stage, LinearStage) and stage.active is not None:
        octets = active_bytes(neurons, stage.fan_in)
    elif isinstance(stage, LinearStage) and stage.subsets is not None:
        octets = subset_bytes(neurons, max(stage.groups, 1), stage.fan_in)
    elif isinstance(stage, LinearStage) and stage.halves is not None:
        octets = halves_bytes(stage.fan_in) if neurons <= MOST_NEURONS else -1
    elif isinstance(stage, LinearStage):
        octets, held = neurons * 4 * stage.row_words, WORD_BITS * stage.row_words
    if (
        min(shape, default=0) < 1
        or min(stage.window.kernel) < 1
        or prod(shape[1:]) != stage.fan_in
        or stage.fan_in % taps
        or stage.fan_in > held
        or neurons != stage.output.channels
        or stage.groups < 1
        or neurons % stage.groups
        or any(section.bytes != octets for section in sections)
        or any(section.offset < 0 or section.offset + section.bytes > len(image) for section in sections)
    ):
        raise ValueError(f"the weights of layer '{stage.node}' do not lie in the image as its plan says")
    return model_order(layer_weights(image, stage), stage.window).reshape(shape)
