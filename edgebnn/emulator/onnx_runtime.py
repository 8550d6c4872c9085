"""onnxruntime on the model file itself: the executor that nobody here wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx

from edgebnn.errors import ModelError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.network.types import Network

if TYPE_CHECKING:
    import onnxruntime

# Values of the input in one call, where the model leaves the batch open: the maps behind a large one take much more.
_BLOCK_VALUES = 1 << 20
_MOST_SAMPLES = 256
# Values of the input where the model fixes the batch itself.
_MOST_VALUES = 1 << 26

_ITS_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")


class NotComparable(ModelError):
    """onnxruntime has no answer to compare with, which is no fault of the model; the sentence says why."""


def run_onnxruntime(model: Path, mapped: MappedNetwork, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What the model answers for a batch x (B, *its own input shape), with onnxruntime's graph optimisations off.

    They are off since its optimiser fuses Conv and BatchNormalization and so moves exact zeros across a sign. Raises
    NotComparable where onnxruntime does not have the model's operators, ModelError where it fails on the samples.
    """
    network, session = mapped.network, _session(model)
    entry = session.get_inputs()[0]
    output = network.model_output or session.get_outputs()[0].name
    typed = as_model_takes(network, x)
    if isinstance(entry.shape[0], int) and entry.shape[0] * network.input.size > _MOST_VALUES:
        raise NotComparable(f"'{model.name}' insists on {entry.shape[0]} samples at once, too many to compare with")
    largest = max(1, min(_MOST_SAMPLES, _BLOCK_VALUES // network.input.size))
    block = entry.shape[0] if isinstance(entry.shape[0], int) else largest
    try:
        answers = [
            session.run([output], {entry.name: _filled(typed[i : i + block], entry.shape[0])})[0]
            for i in range(0, len(x), block)
        ]
    except Exception as error:  # onnxruntime's exceptions have no common base class
        raise ModelError(f"onnxruntime does not run '{model}': {' '.join(str(error).split())[:300]}") from error
    joined: npt.NDArray[Any] = np.concatenate(answers)[: len(x)]
    return joined


def as_model_takes(network: Network, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Samples in the model's own type: where they are the network's integers, what these are worth to the model."""
    scale = network.input.scale
    if network.encoding.quantizer is None and scale != 1 and x.dtype.kind in "iub":
        x = x * np.float64(scale)
    return x.astype(np.dtype(network.encoding.dtype))


def _session(model: Path) -> onnxruntime.InferenceSession:
    import onnxruntime  # a second to import, and only this executor needs it

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base class
        raise NotComparable(
            f"onnxruntime does not take '{model.name}' ({_why(model, error)}), so its answers were not compared"
        ) from error


def _why(model: Path, error: Exception) -> str:
    """The operators that onnxruntime does not have, by their domains; else what it says itself."""
    proto = onnx.load(model, load_external_data=False)
    own = {function.domain for function in proto.functions}
    foreign = sorted({node.domain for node in proto.graph.node} - own - set(_ITS_DOMAINS))
    if foreign:
        return f"it has no operators of {', '.join(foreign)}"
    said = " ".join(str(error).split())
    return said.rpartition(" Error ")[2].rpartition(" failed:")[2][:160]  # without the file's whole path


def _filled(samples: npt.NDArray[Any], batch: object) -> npt.NDArray[Any]:
    """The samples, repeated to the batch that the model insists on."""
    return np.resize(samples, (batch, *samples.shape[1:])) if isinstance(batch, int) else samples
