"""How many processors this process may use: `taskset` and batch systems leave it fewer than the machine has."""

from __future__ import annotations

import os


def usable_processors() -> int:
    """Their number, at least 1."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # a system that binds no process to processors
        return os.cpu_count() or 1
