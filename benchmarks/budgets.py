"""Times that a user feels, each beside its budget: help, compiling the ECG model, emulating one beat as firmware.

Medians of several runs in one process or of whole processes; exits 1 where a median is over its budget. Not a test:
a busy machine is no defect.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

import edgebnn
from edgebnn.models import ECG_PVC

BEATS = 20


def median_s(action: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])  # the first run warms caches up


def command(*words: str) -> Callable[[], object]:
    code = "from edgebnn.cli.main import main; main()"
    return lambda: subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        compile_ecg = command("compile", str(ECG_PVC), "-o", f"{folder}/out")
        rows = [
            ("edgebnn --help", 0.3, median_s(command("--help"), 7)),
            ("edgebnn compile, the ECG model for rram130", 3.0, median_s(compile_ecg, 3)),
        ]
    beats = np.random.default_rng(0).integers(-128, 128, size=(BEATS, 4, 120)).astype(np.int8)
    for target in ("rram130", "cortex-m4"):
        deployment = edgebnn.compile(ECG_PVC, target)
        batch = median_s(lambda d=deployment: d.run(beats, on="firmware"), 3)
        rows.append((f"one beat as firmware on {target}", 0.1, batch / BEATS))
    for name, budget, seconds in rows:
        print(f"{name:52} {seconds:8.4f} s   budget {budget} s   {'ok' if seconds <= budget else 'OVER'}")
    return int(any(seconds > budget for _, budget, seconds in rows))


if __name__ == "__main__":
    sys.exit(main())
