"""onnxruntime on the model itself: the executor that nobody here wrote."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.apart.onnx_session import RunnableModel, SessionProblem, answers_of
from edgebnn.errors import ModelError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.network.batches import parts
from edgebnn.network.network import Network
from edgebnn.network.types import Input

# Values of the input in one call, where the model leaves the batch open: the maps behind a large one take much more.
_BLOCK_VALUES = 1 << 20
_MOST_SAMPLES = 256
# Values of the input where the model fixes the batch itself.
_MOST_VALUES = 1 << 26

# How long it may take: to start, and for each sample with its multiply-accumulates.
_START_SECONDS = 120.0
_SAMPLE_SECONDS = 0.1
_MAC_SECONDS = 1e-8

_ITS_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")


class NotComparable(ModelError):
    """onnxruntime has no answer to compare with, which is no fault of the model; the sentence says why."""


def run_onnxruntime(model: RunnableModel, mapped: MappedNetwork, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What the model answers for a batch x (B, *its own input shape), with onnxruntime's graph optimisations off.

    Raises NotComparable where onnxruntime does not have the model's operators, ModelError where it fails on the
    samples.
    """
    network = mapped.network
    values = sum(entry.tensor.size for entry in network.inputs)
    macs = sum(node.macs for node in network.linear)
    try:
        return answers_of(
            model,
            as_model_takes(network, x),
            block=1 if network.one_at_a_time else max(1, min(_MOST_SAMPLES, _BLOCK_VALUES // values)),
            most_batch=_MOST_VALUES // values,
            seconds=_START_SECONDS + len(x) * (_SAMPLE_SECONDS + _MAC_SECONDS * macs),
        )
    except SessionProblem as problem:
        if problem.stage == "load":
            raise NotComparable(
                f"onnxruntime does not take '{model.name}' ({_why(model, problem)}), so its answers were not compared"
            ) from problem
        raise ModelError(f"onnxruntime does not run '{model.name}': {problem.why}; leave it out") from problem


def as_model_takes(network: Network, x: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Samples of each input in the model's own type: of the network's integers, what these are worth to the model."""
    return [_as_input_takes(entry, part) for entry, part in parts(network.inputs, x)]


def _as_input_takes(entry: Input, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    scale, offset = entry.tensor.scale, entry.encoding.offset
    if entry.encoding.quantizer is None and (scale != 1 or offset) and x.dtype.kind in "iub":
        x = x * np.float64(scale) + offset
    with np.errstate(over="ignore"):  # what the type cannot hold is infinite, to our own steps too
        return x.astype(np.dtype(entry.encoding.dtype))


def _why(model: RunnableModel, problem: SessionProblem) -> str:
    """The operators that onnxruntime does not have, by their domains; else what it says itself."""
    foreign = sorted(model.domains - set(_ITS_DOMAINS))
    if foreign:
        return f"it has no operators of {', '.join(foreign)}"
    return problem.why[:160]
