"""From an ONNX file to the integer network."""

from edgebnn.frontend.onnx.model_source import Model, model_file
from edgebnn.frontend.options import (
    PerInput,
    ReadOptions,
    Stated,
    parse_input_offset,
    parse_input_scale,
    per_input,
)
from edgebnn.frontend.problems import Problem
from edgebnn.frontend.read_model import Inspection, inspect_model, read_network, runnable_model

__all__ = [
    "Inspection",
    "Model",
    "PerInput",
    "Problem",
    "ReadOptions",
    "Stated",
    "inspect_model",
    "model_file",
    "parse_input_offset",
    "parse_input_scale",
    "per_input",
    "read_network",
    "runnable_model",
]
