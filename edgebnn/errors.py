"""The errors that a user can cause; each carries one sentence that names the thing and the remedy."""

from __future__ import annotations

from edgebnn.legible import legible_line


class EdgeBNNError(Exception):
    """Something that the user gave cannot be handled; the message says what and what to do next.

    It is one line, and holds nothing that a terminal might obey, whatever the names and texts in it do.
    """

    def __init__(self, message: str) -> None:
        super().__init__(legible_line(message))


class ModelError(EdgeBNNError):
    """An ONNX model that cannot be read or mapped."""


class DataError(EdgeBNNError):
    """A recording, an array or a label file that cannot be used."""


class TargetError(EdgeBNNError):
    """A target file that is missing, incomplete or out of range."""


class FitError(EdgeBNNError):
    """A network that does not fit into the target's memories."""


class DeploymentError(EdgeBNNError):
    """A deployment folder that is missing, damaged or made by another version."""


class ToolError(EdgeBNNError):
    """An optional package, a compiler or another tool that is missing or failed."""


class NoCompilerError(ToolError):
    """No cross compiler was found: a deployment can do without firmware, a broken build may not pass for this."""
