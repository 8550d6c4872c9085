"""From an ONNX file to the integer network."""

from edgebnn.frontend.inputs import ReadOptions, parse_input_offset, parse_input_scale
from edgebnn.frontend.model_source import Model, model_file
from edgebnn.frontend.problems import Problem
from edgebnn.frontend.reading import Inspection, inspect_model, read_network, runnable_model

__all__ = [
    "Inspection",
    "Model",
    "Problem",
    "ReadOptions",
    "inspect_model",
    "model_file",
    "parse_input_offset",
    "parse_input_scale",
    "read_network",
    "runnable_model",
]
