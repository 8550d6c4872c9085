"""Elements at given places: slices, gathers, channels in another order or of other sizes, windows side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.activations.activation import Activation, check_size, seen_name
from edgebnn.frontend.activations.axis_order import AxisOrder, plain_view
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, Leaf, of_channels, parts, with_leaf
from edgebnn.frontend.algebra.integer_sets import IntegerGrid
from edgebnn.frontend.layers.network_builder import Emitter
from edgebnn.frontend.layers.network_nodes import NetworkNodes
from edgebnn.frontend.lower.affine_activations import without_steps
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import Affine, Kind, Reshape, Take, Tensor, Threshold

Places = npt.NDArray[np.int64]


def taken_along(
    emitter: Emitter, activation: Activation, axis: int, places: Sequence[int], node: str, value: str
) -> Activation:
    """The elements at `places` of an axis of the model, the batch not counted."""
    view, chosen = activation.view, np.array(places, np.int64)
    along = [np.arange(extent) for extent in activation.shape]
    if view.order is None:
        along[view.axes[axis]] = chosen
    else:
        along[0], view = view.order[chosen], plain_view(1)
    return taken(emitter, activation, along, view, node, value)


def taken(
    emitter: Emitter, activation: Activation, along: Sequence[Places], view: AxisOrder, node: str, value: str
) -> Activation:
    """The elements at places along each axis of the network; the model sees them as `view` says.

    A few levels are taken as such, anything else as the integers before its function.
    """
    if activation.elements != "bool":
        activation = without_steps(emitter, activation)
    activation = emitter.settled(activation)
    shape = tuple(map(len, along))
    check_size(shape)
    base, channels = activation.base, along[0]
    expression = of_channels(activation.expression, channels)
    leaf = next(part for part in parts(expression) if isinstance(part, Leaf))
    value = seen_name(value, view)
    name = value if expression is leaf else f"{value}.integers"
    output = replace(base, name=emitter.network.tensor_name(name), shape=shape)
    take = Take(emitter.network.name(node), (base.name,), output, np.concatenate(along).astype(np.int32))
    emitter.network.emit(take, base)
    return replace(
        activation,
        base=output,
        grid=activation.grid.of_channels(channels),
        leaf=leaf,
        expression=expression,
        shape=shape,
        value=value,
        model_view=view,
    )


def taken_anywhere(emitter: Emitter, activation: Activation, places: Places, node: str, value: str) -> Activation:
    """The elements at any places of the network's tensor, in an array of the shape that the model gives them."""
    if activation.elements != "bool":
        activation = without_steps(emitter, activation)
    activation = emitter.settled(activation)
    base, shape = _elements(emitter.network, activation.base), places.shape
    whose = (places // prod(base.spatial)).reshape(shape[0], -1)
    if np.all(whose == whose[:, :1]):
        channels = whose[:, 0]
        expression, grid = of_channels(activation.expression, channels), activation.grid.of_channels(channels)
        leaf = next(part for part in parts(expression) if isinstance(part, Leaf))
    else:
        expression, leaf, grid = _same_in_all(activation, shape[0])
    output = replace(
        base, name=emitter.network.tensor_name(value if expression is leaf else f"{value}.integers"), shape=shape
    )
    put_elements(emitter.network, base, places, node, output)
    return replace(
        activation,
        base=output,
        grid=grid,
        leaf=leaf,
        expression=expression,
        shape=shape,
        value=value,
        model_view=None,
    )


def put_elements(network: NetworkNodes, base: Tensor, places: Places, node: str, output: Tensor) -> None:
    """Nodes that make `output` of the elements of a tensor that is not packed, in an array of the output's shape."""
    order, source = places.reshape(-1), base
    if not np.array_equal(order, np.arange(base.size)):
        flat = replace(base, name=network.tensor_name(f"{output.name}.before"), shape=(base.size,))
        network.emit(Reshape(network.name(flat.name), (base.name,), flat), base)
        source = replace(base, name=network.tensor_name(f"{output.name}.elements"), shape=(order.size,))
        network.emit(Take(network.name(source.name), (flat.name,), source, order.astype(np.int32)), flat)
    network.emit(Reshape(network.name(node), (source.name,), output), source)


def regrouped(emitter: Emitter, activation: Activation, shape: tuple[int, ...], node: str, value: str) -> Activation:
    """The activation under a shape with other channels, of which all must be treated alike.

    A few levels are, whatever led to them. Packed signs move as integers, and are packed again.
    """
    if activation.elements != "bool":
        activation = without_steps(emitter, activation)
    activation = emitter.settled(activation)
    check_size(shape)
    expression, leaf, grid = _same_in_all(activation, shape[0])
    kind, base = activation.base.kind, _elements(emitter.network, activation.base)
    name = value if expression is leaf else f"{value}.integers"
    of_elements = name if base.kind is kind else f"{name}.elements"
    output = replace(base, name=emitter.network.tensor_name(of_elements), shape=shape)
    emitter.network.emit(Reshape(emitter.network.name(node), (base.name,), output), base)
    if output.kind is not kind:
        output = _packed(emitter.network, output, kind, name)
    return replace(activation, base=output, grid=grid, leaf=leaf, expression=expression, shape=shape, value=value)


def _packed(network: NetworkNodes, tensor: Tensor, kind: Kind, name: str) -> Tensor:
    """Integers -1, 0 and 1 as the bits or trits that they are."""
    steps, step = ([1], 2) if kind is Kind.BITS else ([0, 1], 1)
    output = replace(tensor, name=network.tensor_name(name), kind=kind)
    thresholds = np.tile(np.array(steps, np.int32), (tensor.channels, 1))
    up = np.ones(tensor.channels, np.int8)
    network.emit(Threshold(network.name(name), (tensor.name,), output, thresholds, up, low=-1, step=step), tensor)
    return output


def _elements(network: NetworkNodes, tensor: Tensor) -> Tensor:
    """A tensor whose elements can be moved one by one: signs that are packed channel by channel become integers."""
    if tensor.kind not in (Kind.BITS, Kind.TRITS):
        return tensor
    name = f"{tensor.name}.elements"
    output = replace(tensor, name=network.tensor_name(name), kind=Kind.INTEGERS)
    ones, none = np.ones((tensor.channels, 1), np.int32), np.zeros((tensor.channels, 1), np.int64)
    knees = np.empty((tensor.channels, 0), np.int32)
    network.emit(Affine(network.name(name), (tensor.name,), output, ones, none, knees), tensor)
    return output


def _same_in_all(activation: Activation, channels: int) -> tuple[Expression, Leaf, IntegerGrid]:
    """A settled activation's function for channels with values of any of its own; Refusal if they are treated apart."""
    alike = all(
        isinstance(part, Apply)
        or (isinstance(part, Constant) and part.values.size == 1)
        or (isinstance(part, Leaf) and len({*part.scale.tolist()}) == len({*part.offset.tolist()}) == 1)
        for part in parts(activation.expression)
    )
    if not alike or not activation.grid.alike:
        raise Refusal(
            "gives the values of one channel to several others, after an operation that differs between channels",
            "reshape right behind the input or the sign",
        )
    one, leaf = np.zeros(channels, np.int64), activation.leaf
    new_leaf = replace(leaf.of_channels(one), error=np.full(channels, leaf.error.max()))
    return with_leaf(activation.expression, new_leaf), new_leaf, activation.grid.of_channels(one)
