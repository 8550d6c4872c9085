"""What users hand over as a model: a path, the bytes of an ONNX file, or a ModelProto in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onnx import ModelProto

from edgebnn.errors import ModelError
from edgebnn.frontend.onnx.parser import MAX_MODEL_BYTES
from edgebnn.scratch import scratch_folder

Model = str | os.PathLike[str] | bytes | ModelProto

_WAYS = "give the path of an ONNX file, its bytes, or an onnx.ModelProto"


@contextmanager
def model_file(model: Model) -> Iterator[Path]:
    """The path that the model is read from: its own, or, while this lasts, that of a file `model.onnx` with its bytes.

    Everything in memory goes through the same checked door as a file. Raises ModelError for what is no model, and for
    bytes beyond the size of files.
    """
    if isinstance(model, str | os.PathLike):
        yield Path(model)
        return
    content = _bytes(model)
    if len(content) > MAX_MODEL_BYTES:
        raise ModelError(
            f"the model has {len(content)} bytes, more than the {MAX_MODEL_BYTES} of a file; make it smaller"
        )
    with scratch_folder() as folder:
        path = folder / "model.onnx"
        path.write_bytes(content)
        yield path


def _bytes(model: object) -> bytes:
    if isinstance(model, bytes | bytearray | memoryview):
        return bytes(model)
    if isinstance(model, ModelProto):
        try:
            content: bytes = model.SerializeToString(deterministic=True)
        except Exception as error:  # protobuf's own: beyond 2 GiB
            raise ModelError("the ModelProto is too large to be written; make it smaller") from error
        return content
    exported = "; export a PyTorch module with torch.onnx.export first" if hasattr(model, "forward") else ""
    raise ModelError(f"the model is of the type {type(model).__name__}; {_WAYS}{exported}")
