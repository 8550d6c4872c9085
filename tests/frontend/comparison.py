"""Holds the interpreter of a network against onnxruntime on the model that it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from edgebnn.frontend import ReadOptions, read_network
from edgebnn.network.encoding import encode
from edgebnn.network.interpreter import run, trace
from edgebnn.network.network import Network
from edgebnn.network.types import Add, Affine, Kind, Reshape, Threshold
from tests.networks import random_inputs


@dataclass(frozen=True)
class Compared:
    """What was compared: thresholds to the bit, exact zeros and channels excused as ambiguous among them."""

    network: Network
    activations: int
    zeros: int
    excused: int
    scores_compared: bool
    answers: npt.NDArray[np.generic]  # onnxruntime's scores, of the session whose activations were compared


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
            return Compared(network, activations, zeros, excused, False, theirs[network.output.name])
    scores = ours[network.output.name] * network.output.scale
    expected = theirs[network.output.name].reshape(scores.shape)
    largest = max(abs(network.output.low), abs(network.output.high)) * network.output.scale
    # float32's rounding of the last sum and affine, and ours to int32 (half a unit of the multiplier and the offset).
    rounding = np.full(scores.shape, largest * 2.0**-18)
    if isinstance(last := network.nodes[-1], Affine):
        rounding += (np.abs(ours[last.sources[0]]) + 1) * network.output.scale / 2
    assert np.all(np.abs(scores - expected) <= rounding)
    return Compared(network, activations, zeros, excused, True, theirs[network.output.name])


def layers_that_differ(
    network: Network, x: npt.NDArray[np.generic], theirs: dict[str, npt.NDArray[np.generic]]
) -> dict[str, float]:
    """For each step function, the share of its activations that the model has otherwise, layer by layer.

    Every activation and residual sum goes on as the model has it, so that one that float32's rounding turned does not
    turn others behind it: in deep networks with random weights it would turn nearly all.
    """
    values = encode(network, x)
    shares: dict[str, float] = {}
    for node in network.nodes:
        output = node.output
        value = run(node, *(values[name] for name in node.sources))
        real = theirs.get(output.name)
        if real is not None and real.shape == value.shape and isinstance(node, (Threshold, Add)):
            forced = np.rint(real.astype(np.float64) / output.scale).astype(np.int64)
            if isinstance(node, Threshold):
                shares[node.name] = float(np.mean(value != forced))
            value = forced
        values[output.name] = value
    return shares


def differing_channels(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.generic]) -> int:
    """In how many channels two activations differ; a straight-through estimator's own rounding does not count."""
    close = np.isclose(ours, theirs.reshape(ours.shape), rtol=0, atol=1e-3)
    return int((~close).any(axis=(0, *range(2, close.ndim))).sum())


def onnxruntime_values(path: Path, x: npt.NDArray[np.generic]) -> dict[str, npt.NDArray[np.generic]]:
    """Every value of a model for a batch, by name, as onnxruntime computes it with its graph optimisations off."""
    model = onnx.load(path)
    known = {value.name for value in model.graph.output}
    for node in model.graph.node:
        for name in node.output:
            if name and name not in known:
                model.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    feeds = {entry.name: x[entry.name] if x.dtype.names else x for entry in session.get_inputs()}
    for entry in session.get_inputs():
        if entry.type == "tensor(float)":
            feeds[entry.name] = feeds[entry.name].astype(np.float32)
    return dict(zip(names, session.run(names, feeds), strict=True))
