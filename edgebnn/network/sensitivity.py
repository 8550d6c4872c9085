"""How much each neuron and each input of a layer matters, to first order, from what calibration data make of them.

A weight that is wrong changes its neuron's sum by 2 |x|, x being its input. That changes the neuron's output where the
sum lies so near to a threshold: with the probability 2 |x| f(T), f being the density of the sums, here that of a normal
law of their mean and deviation. What x is in the mean of all samples moves all sums alike, as another threshold would:
samples stay told apart, and trimming undoes it. What x differs by from sample to sample is noise that nothing undoes,
so an input counts by its deviation, and its mean a tenth. A changed output is a changed input of the next layer, whose
neurons it reaches alike; so it counts as often as a wrong weight of each of them would. Scores count once.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import numpy.typing as npt

from edgebnn.network.encoding import Values
from edgebnn.network.interpreter import trace
from edgebnn.network.network import Network
from edgebnn.network.types import Linear, Threshold

_SHARE_OF_MEAN = 0.1  # beside deviations: of errors that move all of a neuron's sums alike

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Of a layer: a wrong weight of neuron o with input channel c counts `neurons[o]` times `inputs[c]`.

    float64 (O,) and (C,); C are the channels of the tensor that the layer reads.
    """

    neurons: Floats
    inputs: Floats


def sensitivities(network: Network, x: npt.NDArray[np.generic]) -> dict[str, Sensitivity]:
    """Those of all layers, by their names, from a batch x as the network's inputs take it."""
    values = trace(network, x)
    found: dict[str, Sensitivity] = {}
    worth: dict[str, float] = {network.output.name: 1.0}  # of a change of one channel of a tensor, by its name
    for node in reversed(network.nodes):
        own = worth.get(node.output.name, 0.0)
        passed = own
        if isinstance(node, Threshold):
            density = _density(node, values[node.sources[0]])
            _note(found, network, node, own * density)
            passed = own * float(density.mean())
        elif isinstance(node, Linear):
            neurons = found[node.name].neurons if node.name in found else np.full(node.neurons, own)
            found[node.name] = Sensitivity(neurons, _unsteadiness(values[node.sources[0]]))
            passed = float(neurons.sum()) / node.groups
        for source in node.sources:
            worth[source] = worth.get(source, 0.0) + passed
    return found


def _note(found: dict[str, Sensitivity], network: Network, node: Threshold, neurons: Floats) -> None:
    """What a step function says of the layer right before it."""
    for layer in network.linear:
        if layer.output.name == node.sources[0]:
            found[layer.name] = Sensitivity(neurons, np.ones(0))


def _density(node: Threshold, sums: Values) -> Floats:
    """The density of each channel's sums at its thresholds, a step's height times, (C,)."""
    axes = (0, *range(2, sums.ndim))
    mean, deviation = sums.mean(axis=axes)[:, np.newaxis], np.maximum(sums.std(axis=axes), 0.5)[:, np.newaxis]
    at = (node.thresholds - node.direction[:, np.newaxis] / 2 - mean) / deviation
    return np.asarray(node.step * (np.exp(-(at**2) / 2) / (sqrt(2 * pi) * deviation)).sum(axis=1))


def _unsteadiness(values: Values) -> Floats:
    """How much each channel differs from sample to sample, and a little of what it is in the mean, (C,)."""
    axes = (0, *range(2, values.ndim))
    return np.asarray(np.hypot(values.std(axis=axes), _SHARE_OF_MEAN * values.mean(axis=axes)))
