"""Times that a user feels, each beside its budget: help, compiling, reading a large model, running a recording's beats.

Medians of several runs in one process or of whole processes. Not a test: a busy machine is no defect.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import edgebnn
from benchmarks.rows import Row, in_turns
from edgebnn.chip.target_files.copies import copy_target
from edgebnn.chip.target_files.settings import parse_setting
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.models import ECG_PVC
from tests.zoo import bi_real_resnet18, exported, vgg

BEATS = 20
MOST_MB = 400
TELL_PEAK = """
import re, resource, sys
from pathlib import Path
from edgebnn.cli.main import main
told = sys.argv.pop(1)
try:
    main()
finally:
    own = int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
    others = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    Path(told).write_text(str(max(own, others) * 1024 / 1e6))
"""
# Half an hour of ECG at 100 beats a minute.
LONG_BEATS = 3000
# Instructions by callgrind; shares by samples of the running Python, every 2 ms of the processor's time.
BINDS = {
    "help": "of 196 million instructions importing click takes 131, starting Python 40, all else 25; that no source is "
    "compiled anew saved 9",
    "vgg": "of the process's own time imports take a quarter where bytecode is kept (else compiling sources "
    "takes another fifth), the memory map 17 %, reading the model 15 %, the firmware's text 10 %; the cross compiler "
    "takes 1.2 s of processor time more",
    "bi-real": "43 % is what float32 makes of the values that a channel reaches beside a step, 0.6 ms for each "
    "of 4,288 channels, and a quarter puts residual sums on grids in exact fractions; integers in place of fractions, "
    "and products with nothing left out, saved about a twentieth",
}


def median_s(action: Callable[[], object], runs: int) -> float:
    return statistics.median(turn["it"] for turn in in_turns({"it": action}, runs))


def command(bytecode: str, *words: str) -> Callable[[], object]:
    """A process of its own, which finds the package's bytecode as an installed one has it: in the folder `bytecode`.

    Where it may not be written beside the sources, Python would compile all of them anew in each process.
    """
    code = "from edgebnn.cli.main import main; main()"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = bytecode
    words = (sys.executable, "-c", code, *words)
    return lambda: subprocess.run(words, check=True, capture_output=True, env=environment)


def peak_mb(bytecode: str, *words: str) -> float:
    """The most memory in MB that the largest process of a command takes: its own, or a compiler's that it starts.

    The process reports its own peak: what the system says of one that has ended counts the process that started it.
    """
    with tempfile.NamedTemporaryFile("r") as file:
        subprocess.run(
            (sys.executable, "-c", TELL_PEAK, file.name, *words),
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONPYCACHEPREFIX": bytecode},
        )
        return float(file.read())


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        bytecode = f"{folder}/bytecode"
        compile_ecg = command(bytecode, "compile", str(ECG_PVC), "-o", f"{folder}/out")
        raised = Path(folder) / "raised.toml"
        copy_target("rram130", raised, (parse_setting("array.banks=16384"),))
        network = exported(vgg(), (3, 32, 32), Path(folder) / "vgg.onnx")
        deployed = f"{folder}/vgg"
        options = ("--target", str(raised), "--input-type=uint8", "-o", deployed)
        compile_vgg_words = ("compile", str(network), *options)
        compile_vgg = command(bytecode, *compile_vgg_words)
        yield budget("edgebnn --help", 0.1, median_s(command(bytecode, "--help"), 7), BINDS["help"])
        yield budget("edgebnn compile, the ECG model for rram130", 3.0, median_s(compile_ecg, 3))
        compiling = median_s(compile_vgg, 3)
        yield budget("edgebnn compile, the VGG for rram130 with 16,384 banks", 4.0, compiling, BINDS["vgg"])
        yield Row("the same, peak of memory", peak_mb(bytecode, *compile_vgg_words), "MB", MOST_MB, at_least=False)
        images = f"{folder}/images.npz"
        np.savez(images, x=np.random.default_rng(2).integers(0, 256, (32, 3, 32, 32)).astype(np.uint8))
        placed = ("--placement=ber-aware", "--chip=1", "--calibration", images, "--policy=ultra-low-energy")
        place_vgg = command(bytecode, "compile", str(network), *options[:-1], f"{folder}/placed", *placed)
        yield budget("edgebnn compile, the same placed for a chip by 4 readings", 60.0, median_s(place_vgg, 1))
        yield budget("open that deployment", 0.2, median_s(lambda: edgebnn.load(deployed), 5))
        large = exported(bi_real_resnet18(), (3, 224, 224), Path(folder) / "bi_real.onnx")
        reading = median_s(lambda: read_network(large, ReadOptions("uint8")), 3)
        yield budget("read a Bi-Real ResNet-18, random weights", 3.0, reading, BINDS["bi-real"])
    beats = np.random.default_rng(0).integers(-128, 128, size=(BEATS, 4, 120)).astype(np.int8)
    for target in ("rram130", "cortex-m4"):
        deployment = edgebnn.compile(ECG_PVC, target)
        batch = median_s(lambda d=deployment: d.run(beats, on="firmware"), 3)
        yield budget(f"one beat as firmware on {target}", 0.1, batch / BEATS)
    fast = edgebnn.compile(ECG_PVC, "host")
    recording = np.random.default_rng(1).integers(-128, 128, size=(LONG_BEATS, 4, 120)).astype(np.int8)
    yield budget("half an hour of ECG beats on the fast path", 1.0, median_s(lambda: fast.run(recording), 5))


def budget(work: str, most_s: float, taken_s: float, binds: str = "") -> Row:
    return Row(work, taken_s, "s", most_s, at_least=False, binds=binds)
