"""The C runtime as a shared library: compiled when edgebnn is installed, loaded when it is first needed."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path
from typing import Any

from edgebnn.errors import ToolError

_NAME = {"darwin": "libedgebnn.dylib", "win32": "edgebnn.dll"}.get(sys.platform, "libedgebnn.so")
LIBRARY_PATH = Path(__file__).resolve().parent / "_native" / _NAME

_REMEDY = "install edgebnn again with pip, or run `python build_native.py` in a source tree"


class _Library(ctypes.CDLL):
    """A library that says what to do where it lacks a function: it was compiled from other sources."""

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError as error:
            if name.startswith("__"):
                raise
            raise ToolError(f"edgebnn's compiled runtime is of another version, without '{name}'; {_REMEDY}") from error


@cache
def library() -> ctypes.CDLL:
    """The library; its functions release the GIL. Raises ToolError where it is missing or does not load."""
    return load_library(LIBRARY_PATH)


def load_library(path: Path) -> ctypes.CDLL:
    """The library in a file; ToolError where there is none or it was built for another machine."""
    if not path.is_file():
        raise ToolError(f"edgebnn's compiled runtime '{path.name}' is missing; {_REMEDY}")
    try:
        return _Library(str(path))
    except OSError as error:
        raise ToolError(f"edgebnn's compiled runtime '{path.name}' does not load ({error}); {_REMEDY}") from error
