"""The firmware of the target `host`: a native program that reads samples and writes scores.

It runs with the rights of whoever starts it, as any program does. So it has to be a `TrustedElf`: one that was built
here, or that somebody vouches for.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.emulator.samples import encode_batch
from edgebnn.errors import DeploymentError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.trusted_elf import TrustedElf
from edgebnn.scratch import scratch_folder

START_SECONDS = 60.0
SAMPLE_SECONDS = 1.0
MAC_SECONDS = 1e-8

# Where the head of an ELF file says what it is, and the types that are programs: at a fixed address, and at any.
_HEAD_BYTES = 20
_MAGIC_CLASS_ORDER, _TYPE, _MACHINE = slice(0, 6), slice(16, 18), slice(18, 20)
_PROGRAMS = (2, 3)


def run_host_firmware(
    mapped: MappedNetwork, elf: TrustedElf, x: npt.NDArray[Any], seconds: float | None = None
) -> npt.NDArray[np.int32]:
    """Scores int32 (B, *scores shape) of a batch x (B, *the model's own input shape).

    The program gets the samples on its standard input, in the input's layout, and answers little-endian int32 scores.
    Raises DataError for unsuitable data, DeploymentError where it is no ELF of this machine, does not start, fails,
    answers too much or too little, or takes longer than `seconds` (by default START_SECONDS, and for each sample
    SAMPLE_SECONDS and MAC_SECONDS a multiply-accumulate).
    """
    network = mapped.network
    samples = encode_batch(network, mapped.plan, x)
    expected = 4 * len(samples) * network.output.size
    sample = SAMPLE_SECONDS + MAC_SECONDS * sum(node.macs for node in network.linear)
    limit = START_SECONDS + sample * len(samples) if seconds is None else seconds
    _check_elf(elf)
    with scratch_folder() as folder:
        answer, code, message = _execute(folder, elf, samples.tobytes(), expected, limit)
    if code is None:
        raise DeploymentError(f"the firmware did not come to an end within {limit:g} seconds; compile again")
    if code != 0:
        raise DeploymentError(f"the firmware failed (exit code {code}{message}); compile again")
    if len(answer) != expected:
        size = f"more than {expected}" if len(answer) > expected else str(len(answer))
        raise DeploymentError(f"the firmware wrote {size} bytes of scores instead of {expected}; compile again")
    scores = np.frombuffer(answer, "<i4").astype(np.int32)
    return scores.reshape(len(samples), *network.output.shape)


def _check_elf(elf: bytes) -> None:
    """DeploymentError where it is not the kind of program that the running Python is: a script, another machine's."""
    with Path("/proc/self/exe").open("rb") as own:
        ours = own.read(_HEAD_BYTES)
    alike = all(elf[part] == ours[part] for part in (_MAGIC_CLASS_ORDER, _MACHINE))
    if len(elf) < _HEAD_BYTES or not alike or int.from_bytes(elf[_TYPE], sys.byteorder) not in _PROGRAMS:
        raise DeploymentError("the firmware.elf is no ELF program of this machine, so it does not run; compile again")


def _execute(folder: Path, elf: bytes, samples: bytes, expected: int, limit: float) -> tuple[bytes, int | None, str]:
    """(at most `expected` + 1 bytes of output, exit code or None after the limit, the first line of its complaint)."""
    program, source, complaint = folder / "firmware.elf", folder / "input.bin", folder / "complaint.txt"
    program.write_bytes(elf)
    program.chmod(0o700)
    source.write_bytes(samples)
    expired = threading.Event()
    with source.open("rb") as stdin, complaint.open("wb") as stderr:
        try:
            process = subprocess.Popen([program], stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, cwd=folder)
        except OSError as error:
            raise DeploymentError(f"the firmware does not start here ({error.strerror}); compile again") from error

        def expire() -> None:
            expired.set()
            process.kill()

        timer = threading.Timer(limit, expire)
        timer.daemon = True
        timer.start()
        try:
            assert process.stdout is not None
            answer = process.stdout.read(expected + 1)
            if len(answer) > expected:
                process.kill()
            process.stdout.close()
            code = process.wait()
        finally:
            timer.cancel()
    with complaint.open("rb") as text:
        first = text.read(300).decode("utf-8", "replace").partition("\n")[0].strip()
    if len(answer) > expected and not expired.is_set():
        code = 0  # it was killed for writing too much, which the caller sees from the length
    return answer, None if expired.is_set() else code, f": {first}" if first else ""
