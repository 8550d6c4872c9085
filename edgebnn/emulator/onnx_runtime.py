"""onnxruntime on the model file itself: the executor that nobody here wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.errors import ModelError
from edgebnn.mapping.mapped import MappedNetwork

_BLOCK = 256  # samples of one call, where the model leaves the batch open


def run_onnxruntime(model: Path, mapped: MappedNetwork, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What the model answers for a batch x (B, *its own input shape), with onnxruntime's graph optimisations off.

    They are off since its optimiser fuses Conv and BatchNormalization and so moves exact zeros across a sign. Raises
    ModelError where onnxruntime does not take the model.
    """
    import onnxruntime  # a second to import, and only this executor needs it

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    typed = x.astype(np.dtype(mapped.network.encoding.dtype))
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        entry = session.get_inputs()[0]
        block = entry.shape[0] if isinstance(entry.shape[0], int) else _BLOCK
        answers = [
            session.run(None, {entry.name: _filled(typed[i : i + block], entry.shape[0])})[0]
            for i in range(0, len(x), block)
        ]
    except Exception as error:  # onnxruntime's exceptions have no common base class
        raise ModelError(f"onnxruntime does not run '{model}': {str(error).splitlines()[0]}") from error
    joined: npt.NDArray[Any] = np.concatenate(answers)[: len(x)]
    return joined


def _filled(samples: npt.NDArray[Any], batch: object) -> npt.NDArray[Any]:
    """The samples, repeated to the batch that the model insists on."""
    return np.resize(samples, (batch, *samples.shape[1:])) if isinstance(batch, int) else samples
