"""Damage to ONNX files: of their bytes, and of what the protobuf says, so that most of it is still read as a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx

from tests.frontend.draws import Draw, pick
from tests.frontend.graph_damage import (
    attribute_changed,
    domain_changed,
    entry_changed,
    functions_changed,
    names_changed,
    node_inserted,
    nodes_moved,
    operator_changed,
    subgraph_added,
    versions_changed,
    wires_changed,
)
from tests.frontend.tensor_damage import constant_grown, data_broken, data_changed, dims_changed, shape_changed


def mutant(seeds: Sequence[onnx.ModelProto], index: int) -> bytes:
    """The file number `index` that is made of one of the seeds, always the same."""
    draw = np.random.default_rng((9, index))
    model = onnx.ModelProto()
    model.CopyFrom(seeds[index % len(seeds)])
    way = draw.random()
    if way < 0.75:
        for _ in range(pick(draw, (1, 1, 1, 2, 3))):
            try:
                pick(draw, _CHANGES)(draw, model)
            except (IndexError, ValueError, TypeError):  # nothing there to change, or protobuf takes no such value
                continue
    content = model.SerializeToString()
    return content if way < 0.7 else _bytes(draw, content)


def _bytes(draw: Draw, content: bytes) -> bytes:
    """Some bytes of the file overwritten, cut out, repeated, or put in."""
    data = bytearray(content)
    for _ in range(draw.integers(1, 9)):
        place = int(draw.integers(len(data) + 1))
        length = int(draw.integers(1, 12))
        match draw.integers(6):
            case 0:
                data[place : place + 1] = bytes([draw.integers(256)])
            case 1:
                data[place : place + length] = draw.bytes(length)
            case 2:
                del data[place : place + length]
            case 3:
                data[place:place] = data[place : place + 8 * length]
            case 4:
                data[place:place] = b"\xff" * int(draw.integers(1, 10)) + b"\x01"
            case _ if draw.random() < 0.2:
                del data[place:]
    return bytes(data)


_OFTEN: tuple[tuple[Callable[[Draw, onnx.ModelProto], None], int], ...] = (
    (attribute_changed, 4),
    (data_changed, 3),
    (dims_changed, 1),
    (shape_changed, 1),
    (data_broken, 1),
    (operator_changed, 2),
    (domain_changed, 1),
    (wires_changed, 2),
    (nodes_moved, 2),
    (node_inserted, 2),
    (names_changed, 1),
    (entry_changed, 2),
    (versions_changed, 1),
    (functions_changed, 1),
    (constant_grown, 1),
    (subgraph_added, 1),
)
_CHANGES = tuple(change for change, often in _OFTEN for _ in range(often))
