"""A native firmware reads samples and writes scores, and whatever else it does ends with a sentence."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from edgebnn.chip.target_files.loading import load_target
from edgebnn.codegen.clean_environment import clean_environment
from edgebnn.codegen.flags import compile_flags
from edgebnn.codegen.toolchain import find_toolchain
from edgebnn.emulator.firmware import run_firmware
from edgebnn.emulator.host_firmware import run_host_firmware
from edgebnn.errors import DataError, DeploymentError, NoCompilerError, ToolError
from edgebnn.mapping.trusted_elf import TrustedElf
from edgebnn.network.interpreter import interpret
from edgebnn.network.types import Kind, Tensor, WeightKind
from tests.emulator.macro_driver import on_chip
from tests.networks import Builder, random_inputs


def _network() -> Builder:
    builder = Builder(Tensor("x", Kind.INTEGERS, (3,), -512, 511), np.random.default_rng(1))
    builder.linear(2, WeightKind.TERNARY)
    return builder


MAPPED = on_chip(_network().network(), "host")
X = random_inputs(MAPPED.network, 1, batch=4)


SCRIPT_BYTES = 1000
STARTER = f"""
#include <unistd.h>
static volatile char script[{SCRIPT_BYTES}] = "SCRIPT";
int main(void) {{ return execl("{sys.executable}", "{sys.executable}", "-c", (const char *)script, (char *)0); }}
"""


@cache
def _starter() -> bytes:
    """An ELF of this machine that hands itself over to Python, and the place in it where the script stands."""
    try:
        chain = find_toolchain(load_target("host"))
    except NoCompilerError:
        pytest.skip("no compiler was found")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "starter.c").write_text(STARTER)
        command = [*chain.command, *chain.machine, *compile_flags("host"), "starter.c", "-o", "starter"]
        subprocess.run(command, cwd=folder, env=clean_environment(Path(folder)), check=True)
        return Path(folder, "starter").read_bytes()


def _program(body: str) -> TrustedElf:
    """A program for this machine; three int16 make a sample of eight bytes."""
    script = f"import os, struct, sys, time\n{body}\n".encode()
    place = b"SCRIPT".ljust(SCRIPT_BYTES, b"\0")
    assert len(script) < SCRIPT_BYTES and _starter().count(place) == 1
    return TrustedElf(_starter().replace(place, script.ljust(SCRIPT_BYTES, b"\0")))


def _answers() -> TrustedElf:
    rows = MAPPED.network.linear[0].weights.tolist()
    return _program(
        "while sample := sys.stdin.buffer.read(8):\n"
        "    x = struct.unpack('<3hxx', sample)\n"
        f"    scores = [sum(a * b for a, b in zip(row, x)) for row in {rows}]\n"
        "    sys.stdout.buffer.write(struct.pack('<2i', *scores))"
    )


def test_the_scores_of_a_native_program_are_read_back() -> None:
    run = run_firmware(MAPPED, _answers(), X, None)
    assert np.array_equal(run.scores, interpret(MAPPED.network, X))
    assert (run.programming, run.events) == (None, None)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("print('a sample is not whole', file=sys.stderr); sys.exit(2)", "exit code 2: a sample is not whole"),
        ("os.kill(os.getpid(), 11)", "exit code -11"),
        ("pass", "wrote 0 bytes of scores instead of 32"),
        ("sys.stdout.write('1' * 31)", "wrote 31 bytes of scores instead of 32"),
        ("while True: sys.stdout.write('1' * 9999)", "more than 32 bytes"),
    ],
)
def test_a_program_that_fails_is_a_deployment_error(body: str, message: str) -> None:
    with pytest.raises(DeploymentError, match=message):
        run_host_firmware(MAPPED, _program(body), X)


@pytest.mark.parametrize("body", ["time.sleep(600)", "sys.stdout.close(); os.close(1); time.sleep(600)"])
def test_a_program_that_hangs_is_ended(body: str) -> None:
    with pytest.raises(DeploymentError, match=r"within 0\.5 seconds"):
        run_host_firmware(MAPPED, _program(body), X, seconds=0.5)


def _script(marker: Path) -> bytes:
    return f"#!/bin/sh\ntouch '{marker}'\n".encode()


def _patched(place: slice, by: bytes) -> bytes:
    data = bytearray(_program("pass"))
    data[place] = by
    return bytes(data)


def test_what_is_no_program_of_this_machine_does_not_run_whatever_is_said_of_it(tmp_path: Path) -> None:
    other_class = b"\x01" if _starter()[4] == 2 else b"\x02"
    cases = {
        "empty": b"",
        "text": b"\x7fELF and no more",
        "zeros": bytes(100),
        "a script": _script(tmp_path / "ran"),
        "of another word size": _patched(slice(4, 5), other_class),
        "for another CPU": _patched(slice(18, 20), b"\xff\x7f"),
        "an object file": _patched(slice(16, 18), b"\x01\x00"),
    }
    for elf in cases.values():
        with pytest.raises(DeploymentError, match="no ELF program of this machine"):
            run_host_firmware(MAPPED, TrustedElf(elf), X)
    assert not (tmp_path / "ran").exists()


def test_a_head_with_nothing_behind_it_is_a_deployment_error() -> None:
    with pytest.raises(DeploymentError, match=r"does not start here|failed"):
        run_host_firmware(MAPPED, TrustedElf(_starter()[:64]), X)


def test_a_native_program_that_nobody_vouches_for_does_not_run(tmp_path: Path) -> None:
    elf = bytes(_program(f"open({str(tmp_path / 'ran')!r}, 'w')"))
    with pytest.raises(ToolError, match="--trust"):
        run_firmware(MAPPED, elf, X, None)
    with pytest.raises(ToolError, match="--trust"):
        run_firmware(MAPPED, _program("pass")[:], X, None)
    assert not (tmp_path / "ran").exists()


def test_unsuitable_data_never_reach_the_program() -> None:
    with pytest.raises(DataError, match="reshape"):
        run_host_firmware(MAPPED, _program("raise SystemExit('started')"), np.zeros((1, 4)))
