"""Elements at given places of an axis: slices, gathers, and channels in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.emission import Emitter
from edgebnn.frontend.expressions import Leaf, of_channels, parts
from edgebnn.frontend.fixed import takes_steps
from edgebnn.frontend.lattice import lattice_of_range
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.signals import Signal, check_size, seen_name
from edgebnn.frontend.views import View, plain_view
from edgebnn.network.types import Take

Places = npt.NDArray[np.int64]


def taken_along(emitter: Emitter, signal: Signal, axis: int, places: Sequence[int], node: str, value: str) -> Signal:
    """The elements at `places` of an axis of the model, the batch not counted."""
    view, chosen = signal.view, np.array(places, np.int64)
    along = [np.arange(extent) for extent in signal.shape]
    if view.order is None:
        along[view.axes[axis]] = chosen
    else:
        along[0], view = view.order[chosen], plain_view(1)
    return taken(emitter, signal, along, view, node, value)


def taken(emitter: Emitter, signal: Signal, along: Sequence[Places], view: View, node: str, value: str) -> Signal:
    """The elements at places along each axis of the network; the model sees them as `view` says.

    A few levels are taken as such, anything else as the integers before its function.
    """
    if signal.elements != "bool" and takes_steps(signal):
        signal = as_levels(emitter, signal)
    signal = emitter.settled(signal)
    shape = tuple(map(len, along))
    check_size(shape)
    base, channels = signal.base, along[0]
    expression = of_channels(signal.expression, channels)
    leaf = next(part for part in parts(expression) if isinstance(part, Leaf))
    value = seen_name(value, view)
    name = value if expression is leaf else f"{value}.integers"
    output = replace(base, name=emitter.tensor_name(name), shape=shape)
    take = Take(emitter.name(node), (base.name,), output, np.concatenate(along).astype(np.int32))
    emitter.emit(take, base)
    return replace(
        signal,
        base=output,
        lattice=signal.lattice.of_channels(channels),
        leaf=leaf,
        expression=expression,
        shape=shape,
        value=value,
        model_view=view,
    )


def as_levels(emitter: Emitter, signal: Signal) -> Signal:
    """The signal as the tensor of its steps."""
    source = emitter.source(replace(signal, model_view=None))
    if np.any(source.slope <= 0):
        raise Refusal("reads what negates the network's input", "negate the weights behind it instead")
    tensor = source.tensor
    leaf = Leaf(source.slope, source.offset, source.exact, source.error / source.slope.astype(np.float64))
    return replace(
        signal,
        base=tensor,
        lattice=lattice_of_range(tensor),
        leaf=leaf,
        expression=leaf,
        shape=tensor.shape,
        waiting=(),
    )
