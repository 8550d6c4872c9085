"""onnxruntime's worker in this very process: a test of hundreds of models has no time to start one for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgebnn.apart import onnx_session, onnx_worker


@contextmanager
def onnxruntime_here() -> Iterator[None]:
    """Within it, what would run apart runs here: the same work on the same files, without its bounds."""

    def run(module: str, arguments: Sequence[str], seconds: float) -> int:
        assert module == onnx_worker.__name__ and seconds > 0
        return onnx_worker.run(Path(arguments[0]))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(onnx_session, "run_apart", run)
        yield
