"""Times that a user feels, each beside its budget: help, compiling, reading a large model, running a recording's beats.

Medians of several runs in one process or of whole processes. Not a test: a busy machine is no defect.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import edgebnn
from benchmarks.rows import Row, in_turns
from edgebnn.chip.target_copy import copy_target
from edgebnn.chip.target_settings import parse_setting
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.models import ECG_PVC
from tests.zoo import bi_real_resnet18, exported, vgg

BEATS = 20
# Half an hour of ECG at 100 beats a minute.
LONG_BEATS = 3000


def median_s(action: Callable[[], object], runs: int) -> float:
    return statistics.median(turn["it"] for turn in in_turns({"it": action}, runs))


def command(*words: str) -> Callable[[], object]:
    code = "from edgebnn.cli.main import main; main()"
    return lambda: subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True)


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        compile_ecg = command("compile", str(ECG_PVC), "-o", f"{folder}/out")
        raised = Path(folder) / "raised.toml"
        copy_target("rram130", raised, (parse_setting("array.banks=16384"),))
        network = exported(vgg(), (3, 32, 32), Path(folder) / "vgg.onnx")
        deployed = f"{folder}/vgg"
        compile_vgg = command("compile", str(network), "--target", str(raised), "--input-type=uint8", "-o", deployed)
        yield budget("edgebnn --help", 0.1, median_s(command("--help"), 7))
        yield budget("edgebnn compile, the ECG model for rram130", 3.0, median_s(compile_ecg, 3))
        yield budget("edgebnn compile, the VGG for rram130 with 16,384 banks", 4.0, median_s(compile_vgg, 3))
        yield budget("open that deployment", 0.2, median_s(lambda: edgebnn.load(deployed), 5))
        large = exported(bi_real_resnet18(), (3, 224, 224), Path(folder) / "bi_real.onnx")
        reading = median_s(lambda: read_network(large, ReadOptions("uint8")), 3)
        yield budget("read a Bi-Real ResNet-18, random weights", 3.0, reading)
    beats = np.random.default_rng(0).integers(-128, 128, size=(BEATS, 4, 120)).astype(np.int8)
    for target in ("rram130", "cortex-m4"):
        deployment = edgebnn.compile(ECG_PVC, target)
        batch = median_s(lambda d=deployment: d.run(beats, on="firmware"), 3)
        yield budget(f"one beat as firmware on {target}", 0.1, batch / BEATS)
    fast = edgebnn.compile(ECG_PVC, "host")
    recording = np.random.default_rng(1).integers(-128, 128, size=(LONG_BEATS, 4, 120)).astype(np.int8)
    yield budget("half an hour of ECG beats on the fast path", 1.0, median_s(lambda: fast.run(recording), 5))


def budget(work: str, most_s: float, taken_s: float) -> Row:
    return Row(work, taken_s, "s", most_s, at_least=False)
