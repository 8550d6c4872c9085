"""What has to be over soon: reading a stranger's file, whatever it holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def soon(work: Callable[[], Answer], seconds: float = 1.0) -> Answer:
    """What the work answers; AssertionError where it takes as much of the processor, twice.

    What is slow is slow again, while a pause of the garbage collector, or a module that is loaded then, is not. Other
    threads do not count.
    """
    for _ in range(2):
        start = time.thread_time()
        answer = work()
        took = time.thread_time() - start
        if took < seconds:
            return answer
    raise AssertionError(f"took {took:.1f} s of the processor, where {seconds:g} s have to do")
