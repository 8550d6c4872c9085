"""From an ONNX file to the integer network."""

from edgebnn.frontend.inputs import ReadOptions
from edgebnn.frontend.problems import Problem
from edgebnn.frontend.reading import Inspection, inspect_model, model_hash, read_network

__all__ = ["Inspection", "Problem", "ReadOptions", "inspect_model", "model_hash", "read_network"]
