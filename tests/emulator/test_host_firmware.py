"""A native firmware reads samples and writes scores, and whatever else it does ends with a sentence."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from edgebnn.emulator.firmware import run_firmware
from edgebnn.emulator.host_firmware import run_host_firmware
from edgebnn.errors import DataError, DeploymentError
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


def _program(body: str) -> bytes:
    """A program for this machine; three int16 make a sample of eight bytes."""
    return f"#!{sys.executable}\nimport os, struct, sys, time\n{body}\n".encode()


def _answers() -> bytes:
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


@pytest.mark.parametrize("elf", [b"", b"\x7fELF and no more", b"\x00" * 100], ids=["empty", "truncated", "zeros"])
def test_what_is_no_program_is_a_deployment_error(elf: bytes) -> None:
    with pytest.raises(DeploymentError, match="does not start here"):
        run_host_firmware(MAPPED, elf, X)


def test_unsuitable_data_never_reach_the_program() -> None:
    with pytest.raises(DataError, match="reshape"):
        run_host_firmware(MAPPED, _program("raise SystemExit('started')"), np.zeros((1, 4)))
