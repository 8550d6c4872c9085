"""What a float network computes for a user's samples: the ranges by which its activations become 8-bit integers.

onnxruntime runs the model once on the samples, every value that may have to be rounded being an output of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edgebnn.apart.onnx_session import RunnableModel, SessionProblem, need_onnxruntime, ranges_of
from edgebnn.errors import DataError, ModelError
from edgebnn.frontend.activations.activation import Activation, model_name
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression
from edgebnn.frontend.onnx.graph import Graph, GraphInput
from edgebnn.frontend.problems import Refusal, printable
from edgebnn.network.batches import parts

# Samples that are looked at; the range of an activation hardly widens with more.
MAX_CALIBRATION_SAMPLES = 256
_MOST_SECONDS = 600.0
_LAYERS = ("Conv", "Gemm", "MatMul")
# What takes lines alone, so that a smooth activation before it is rounded as well.
_JOINTS = ("Add", "AveragePool", "Concat", "GlobalAveragePool", "ReduceMean", "Sub", "Sum")


@dataclass(frozen=True, eq=False)
class Calibration:
    """A checked model, its graph, and a batch of samples in its own layout and type."""

    model: RunnableModel
    graph: Graph
    samples: npt.NDArray[np.generic]

    def quantised(self, activation: Activation) -> Activation:
        """The activation rounded to 8 bits over the range that it has for the samples; Refusal where that is not known.

        What is never negative becomes 0 to 255, anything else -127 to 127, with one scale for all channels.
        """
        low, high = self._range_of(model_name(activation))
        if high == low == 0:
            raise Refusal("is zero for every calibration sample", "calibrate with samples that use the whole network")
        least, most = (0, 255) if low >= 0 else (-127, 127)
        scale = np.float32(max(abs(low), abs(high)) / most)
        node = f"{activation.value}.quantised"
        expression: Expression = activation.expression
        for operator, constant in (("Div", scale), ("Round", None), ("Max", least), ("Min", most), ("Mul", scale)):
            operand = () if constant is None else (Constant(np.array([constant], np.float32)),)
            expression = Apply(operator, (expression, *operand), node)
        return replace(activation, expression=expression)

    def _range_of(self, value: str) -> tuple[float, float]:
        ranges = self._ranges
        if value not in ranges:
            raise Refusal(
                "reads a value whose range the calibration does not show", "quantise this activation in the model"
            )
        return ranges[value]

    @cached_property
    def _ranges(self) -> dict[str, tuple[float, float]]:
        need_onnxruntime("finding the ranges of float layers in the calibration data")
        try:
            return ranges_of(
                self.model, self._typed(), self._measured(), most_batch=MAX_CALIBRATION_SAMPLES, seconds=_MOST_SECONDS
            )
        except SessionProblem as problem:
            raise ModelError(
                f"onnxruntime does not run the model on the calibration data ({problem.why[:200]}); give "
                "samples as the model takes them, or quantise the float layers in the model"
            ) from problem

    def _measured(self) -> list[str]:
        """The values that layers with weights read, or that are averaged or joined, but for the model's own inputs."""
        read = {node.inputs[0] for node in self.graph.nodes if node.operator in _LAYERS and node.inputs}
        read |= {name for node in self.graph.nodes if node.operator in _JOINTS for name in node.inputs}
        return [name for node in self.graph.nodes for name in node.outputs if name in read]

    def _typed(self) -> list[npt.NDArray[np.generic]]:
        """The samples of each input in its own type; DataError where that does not hold them."""
        return [
            _typed(given, samples)
            for given, samples in parts(self.graph.inputs, self.samples[:MAX_CALIBRATION_SAMPLES])
        ]


def _typed(given: GraphInput, samples: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    dtype = np.dtype(given.dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # what they leave is looked at below
        typed = samples.astype(dtype)
    if not np.isfinite(typed).all() if dtype.kind == "f" else not np.array_equal(typed, samples):
        raise DataError(
            f"the calibration data do not fit the model's input '{printable(given.name)}', which is {dtype}; give it "
            "such samples"
        )
    return typed
