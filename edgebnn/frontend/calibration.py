"""What a float network computes for a user's samples: the ranges by which its activations become 8-bit integers.

onnxruntime runs the model once on the samples, every value that a layer with weights reads being an output of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from edgebnn.errors import ModelError
from edgebnn.frontend.expressions import Apply, Constant, Expression
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.signals import Signal

# Samples that are looked at; the range of an activation hardly widens with more.
MAX_SAMPLES = 256
_LAYERS = ("Conv", "Gemm", "MatMul")


@dataclass(frozen=True, eq=False)
class Calibration:
    """A model's file and samples (batch first) in its own layout and type."""

    model: Path
    samples: npt.NDArray[np.generic]

    def quantised(self, signal: Signal) -> Signal:
        """The signal rounded to 8 bits over the range that it has for the samples; Refusal where that is not known.

        What is never negative becomes 0 to 255, anything else -127 to 127, with one scale for all channels.
        """
        low, high = self._range_of(signal.value)
        if high == low == 0:
            raise Refusal("is zero for every calibration sample", "calibrate with samples that use the whole network")
        least, most = (0, 255) if low >= 0 else (-127, 127)
        scale = np.float32(max(abs(low), abs(high)) / most)
        node = f"{signal.value}.quantised"
        expression: Expression = signal.expression
        for operator, constant in (("Div", scale), ("Round", None), ("Max", least), ("Min", most), ("Mul", scale)):
            operand = () if constant is None else (Constant(np.array([constant], np.float32)),)
            expression = Apply(operator, (expression, *operand), node)
        return replace(signal, expression=expression)

    def _range_of(self, value: str) -> tuple[float, float]:
        ranges, value = self._ranges, value.removesuffix(".channel_first")
        if value not in ranges:
            raise Refusal(
                "reads a value whose range the calibration does not show", "quantise this activation in the model"
            )
        return ranges[value]

    @cached_property
    def _ranges(self) -> dict[str, tuple[float, float]]:
        import onnxruntime  # a second to import, and only calibration needs it

        model = onnx.load(self.model)
        read = {name for node in model.graph.node if node.op_type in _LAYERS for name in node.input[:1]}
        made = [name for node in model.graph.node for name in node.output if name in read]
        present = {output.name for output in model.graph.output}
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made if name not in present)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        try:
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            entry = session.get_inputs()[0]
            batch = entry.shape[0] if isinstance(entry.shape[0], int) else 1
            if batch > MAX_SAMPLES:
                raise ValueError(f"its batch is {batch}, more than {MAX_SAMPLES} samples")
            samples = self.samples[:MAX_SAMPLES].astype(_dtype(entry.type))
            blocks = [
                np.resize(samples[i : i + batch], (batch, *samples.shape[1:])) for i in range(0, len(samples), batch)
            ]
            found: dict[str, tuple[float, float]] = {}
            for block in blocks:
                for name, values in zip(made, session.run(made, {entry.name: block}), strict=True):
                    low, high = found.get(name, (np.inf, -np.inf))
                    found[name] = min(low, float(np.min(values))), max(high, float(np.max(values)))
        except Exception as error:  # onnxruntime's exceptions have no common base class
            why = " ".join(str(error).split())[:200]
            raise ModelError(
                f"onnxruntime does not run the model on the calibration data ({why}); give "
                "samples as the model takes them, or quantise the float layers in the model"
            ) from error
        return found


def _dtype(onnx_type: str) -> str:
    """NumPy's name of the element type in onnxruntime's `tensor(float)` and its like."""
    return {"float": "float32", "double": "float64"}.get(onnx_type[7:-1], onnx_type[7:-1])
