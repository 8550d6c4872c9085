"""How many processors this process may use: `taskset` and batch systems leave it fewer than the machine has."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")


def usable_processors() -> int:
    """Their number, at least 1."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # a system that binds no process to processors
        return os.cpu_count() or 1


def on_all_processors(work: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
    """The work on each item, in their order, on as many threads as there are processors to use.

    Where one is enough, it is this one: to start another and to wait for it takes as long as a small piece of work.
    """
    threads = min(usable_processors(), len(items))
    if threads <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))
