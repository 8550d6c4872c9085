"""Elements at given places of an axis: slices, gathers, and channels in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.emission import Emitter
from edgebnn.frontend.expressions import Leaf, of_channels, parts
from edgebnn.frontend.own_lines import without_steps
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
    if signal.elements != "bool":
        signal = without_steps(emitter, signal)
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
