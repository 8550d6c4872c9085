"""How each tensor of a network lies in memory, and which tensors are only another view of one that lies there."""

from __future__ import annotations

from dataclasses import dataclass

from edgebnn.errors import ModelError
from edgebnn.mapping.plan import FORMATS, Format, Layout
from edgebnn.network.types import Kind, Network, Reshape, Tensor


@dataclass(frozen=True)
class View:
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


def views_of(network: Network) -> dict[str, View]:
    """The view of every tensor of the network; ModelError for a reshape that would have to move packed bits."""
    views = {entry.name: View(entry.name, layout_of(entry.tensor)) for entry in network.inputs}
    for node in network.nodes:
        if isinstance(node, Reshape):
            views[node.output.name] = _reshaped(node, views[node.sources[0]])
        else:
            views[node.output.name] = View(node.output.name, layout_of(node.output))
    return views


def _reshaped(node: Reshape, source: View) -> View:
    old, new = source.layout, layout_of(node.output)
    if not old.pixel_words or (old.channels == new.channels and not source.flattened):
        return View(source.root, new)
    if old.height * old.width == 1 and len(node.output.shape) == 1:
        return View(source.root, new)
    if len(node.output.shape) == 1:
        return View(source.root, old, flattened=True)
    raise ModelError(
        f"reshape '{node.name}' to {node.output.shape} would have to move packed bits; "
        "put it before the sign, or flatten right before a dense layer"
    )
