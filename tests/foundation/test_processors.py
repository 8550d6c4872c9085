"""The processors that this process may use, not those of the machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to processors")
def test_a_process_that_is_bound_to_one_processor_takes_no_more() -> None:
    program = (
        "import os; from edgebnn.processors import usable_processors; there = os.sched_getaffinity(0);"
        "assert usable_processors() == len(there);"
        "os.sched_setaffinity(0, {min(there)}); assert usable_processors() == 1"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
