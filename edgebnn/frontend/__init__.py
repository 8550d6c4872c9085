"""From an ONNX file to the integer network."""

from edgebnn.frontend.inputs import ReadOptions, parse_input_scale
from edgebnn.frontend.problems import Problem
from edgebnn.frontend.reading import Inspection, inspect_model, model_hash, read_network

__all__ = ["Inspection", "Problem", "ReadOptions", "inspect_model", "model_hash", "parse_input_scale", "read_network"]
