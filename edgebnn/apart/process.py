"""Starting a worker, a module of this package, and bounding it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path


def run_apart(
    module: str, arguments: Sequence[str], seconds: float, stdin: BufferedReader | None = None
) -> int | None:  # fmt: skip
    """Runs `python -m module`, what it prints thrown away: its exit code, negative for a signal, None out of time."""
    package = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
    try:
        ended = subprocess.run(
            # -P: what lies in the current folder is nothing to import.
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            env={**os.environ, "PYTHONPATH": paths},
        )
    except subprocess.TimeoutExpired:
        return None
    return ended.returncode


def bound_memory(most_bytes: int) -> None:
    """Bounds this process: no more than so many bytes of its own data, and no image of it where it crashes."""
    try:
        import resource
    except ImportError:  # no POSIX
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or hard > most_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most_bytes))
