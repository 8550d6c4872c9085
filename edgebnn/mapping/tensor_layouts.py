"""How each tensor of a network lies in memory, and which tensors are only another view of one that lies there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from edgebnn.errors import ModelError
from edgebnn.mapping.plan import FORMATS, Format, Layout
from edgebnn.network.network import Network
from edgebnn.network.types import Kind, Node, Reshape, Tensor, Threshold


@dataclass(frozen=True)
class TensorView:
    """A tensor as its readers see it: the stored tensor `root` under a layout.

    `flattened` says that the tensor is a vector in the network, but a packed map (height, width, channels) in memory.
    """

    root: str
    layout: Layout
    flattened: bool = False


def layout_of(tensor: Tensor) -> Layout:
    """The layout in which a tensor is stored: bits and trits packed, everything else as elements."""
    spatial = tensor.spatial
    height, width = {0: (1, 1), 1: (1, *spatial), 2: spatial}[len(spatial)]
    packed: dict[Kind, Format] = {Kind.BITS: "bits", Kind.TRITS: "trits"}
    if tensor.kind in packed:
        return Layout(height=height, width=width, channels=tensor.channels, format=packed[tensor.kind], planes=1)
    name = next(known for known in FORMATS if known == tensor.dtype.name)
    planes = tensor.bits + (name == "int32" and tensor.low >= 0)  # int32 has a sign, if only for 0
    return Layout(height=height, width=width, channels=tensor.channels, format=name, planes=planes)


def views_of(network: Network) -> dict[str, TensorView]:
    """The view of every tensor of the network; ModelError for a reshape that would have to move packed bits."""
    flat = _read_flat(network)
    views = {entry.name: _stored(entry.tensor, flat) for entry in network.inputs}
    for node in network.nodes:
        if isinstance(node, Reshape):
            views[node.output.name] = _reshaped(node, views[node.sources[0]])
        else:
            views[node.output.name] = _stored(node.output, flat)
    return views


def _stored(tensor: Tensor, flat: frozenset[str]) -> TensorView:
    return TensorView(tensor.name, layout_of(replace(tensor, shape=(tensor.size,)) if tensor.name in flat else tensor))


def _read_flat(network: Network) -> frozenset[str]:
    """Packed maps that lie as vectors, since they are read as such: a pixel of few channels would waste its word.

    They are inputs, and bits of step functions on their own.
    """
    readers = defaultdict[str, list[Node]](list)
    for node in network.nodes:
        for source in node.sources:
            readers[source].append(node)
    joined = {node.output.name for node in network.linear}
    stepped = (node.output for node in network.nodes if isinstance(node, Threshold) and node.sources[0] not in joined)
    packed = [
        *(entry.tensor for entry in network.inputs if entry.tensor.kind in (Kind.BITS, Kind.TRITS)),
        *(tensor for tensor in stepped if tensor.kind is Kind.BITS),
    ]
    return frozenset(tensor.name for tensor in packed if all(map(_makes_vector, readers[tensor.name])))


def _makes_vector(node: Node) -> bool:
    return isinstance(node, Reshape) and len(node.output.shape) == 1


def _reshaped(node: Reshape, source: TensorView) -> TensorView:
    old, new = source.layout, layout_of(node.output)
    if not old.pixel_words or (old.channels == new.channels and not source.flattened):
        return TensorView(source.root, new)
    if old.height * old.width == 1 and len(node.output.shape) == 1:
        return TensorView(source.root, new)
    if len(node.output.shape) == 1:
        return TensorView(source.root, old, flattened=True)
    raise ModelError(
        f"reshape '{node.name}' to {node.output.shape} would have to move packed bits; "
        "put it before the sign, or flatten right before a dense layer"
    )
