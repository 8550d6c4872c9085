"""Holds the interpreter of a network against onnxruntime on the model that it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgebnn.frontend import ReadOptions, read_network
from edgebnn.network.interpreter import trace
from edgebnn.network.types import Kind, Network, Reshape, Threshold
from tests.exports import onnxruntime_values
from tests.networks import random_inputs


@dataclass(frozen=True)
class Compared:
    """What was compared: thresholds to the bit, exact zeros and channels excused as ambiguous among them."""

    network: Network
    activations: int
    zeros: int
    excused: int
    scores_compared: bool


def assert_same_as_onnxruntime(path: Path, options: ReadOptions, batch: int = 16, seed: int = 0) -> Compared:
    """Every activation equal to the bit, but for as many channels as a threshold counts as ambiguous; scores close.

    A channel that differs makes the layers behind it incomparable, so the comparison ends there.
    """
    network = read_network(path, options)
    x = random_inputs(network, seed, batch)
    ours, theirs = trace(network, x), onnxruntime_values(path, x)
    activations = zeros = excused = allowed = 0
    for node in network.nodes:
        output = node.output
        allowed = node.ambiguous if isinstance(node, Threshold) else allowed
        if output.kind in (Kind.SUMS, Kind.SCORES) or output.name not in theirs:
            continue
        real = ours[output.name] * output.scale
        differing = differing_channels(real, theirs[output.name])
        if not isinstance(node, Reshape):  # a flatten's channels are no longer those of the threshold
            assert differing <= allowed, f"{output.name}: {differing} channels differ, {allowed} are ambiguous"
        activations += real.size
        zeros += int(np.count_nonzero(ours[output.name] == 0))
        if differing:
            excused += differing
            return Compared(network, activations, zeros, excused, False)
    scores = ours[network.output.name] * network.output.scale
    expected = theirs[network.output.name].reshape(scores.shape)
    largest = max(abs(network.output.low), abs(network.output.high)) * network.output.scale
    np.testing.assert_allclose(scores, expected, rtol=0, atol=largest * 2.0**-18)
    return Compared(network, activations, zeros, excused, True)


def differing_channels(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.generic]) -> int:
    """In how many channels two activations differ; a straight-through estimator's own rounding does not count."""
    close = np.isclose(ours, theirs.reshape(ours.shape), rtol=0, atol=1e-3)
    return int((~close).any(axis=(0, *range(2, close.ndim))).sum())
