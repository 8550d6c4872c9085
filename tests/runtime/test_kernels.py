"""Each instruction set's kernels against the portable ones, over random shapes: `kernel_check.c`.

What the processor lacks is emulated where that can be had: AVX-512 by the headers of SIMDe, AArch64 by qemu-user.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from build_native import find_compiler
from edgebnn.emulator.fast import kernels
from edgebnn.native import LIBRARY_PATH
from tests.runtime.test_compilers import HERE, INCLUDES, RUNTIME, ZIG, compile_or_skip

CHECK = str(HERE / "kernel_check.c")
DIFFERENCES = str(HERE / "difference_check.c")
DEVICES = str(HERE / "devices_check.c")
HOST = RUNTIME / "host"
# All that the kernels are made of, for a processor that the library is not for.
ALONE = [
    *sorted(
        path
        for pattern in ("panels_*", "bytes_*", "listing_*", "nibbles", "set_bits", "cpu")
        for path in HOST.glob(f"ebnn_{pattern}.c")
    ),
    *sorted((RUNTIME / "chip").glob("ebnn_philox_rows_*.c")),
    RUNTIME / "src" / "ebnn_steps.c",
]
CPU_FLAGS = {
    "avx2": {"avx2"},
    "avx512": {"avx512f", "avx512bw", "avx512vl", "avx512vbmi", "avx512_vnni", "avx512_vpopcntdq", "bmi2"},
}


def compile_against_the_library(command: list[str], *sources: str, check: str = CHECK) -> None:
    """The check, with the kernels of the installed library where `sources` have none of their own."""
    linked = [*command, *INCLUDES, *sources, check, str(LIBRARY_PATH), f"-Wl,-rpath,{LIBRARY_PATH.parent}"]
    result = subprocess.run(linked, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def held_to_the_portable_one(*command: str) -> list[str]:
    """The kernels that the check found to agree; it stops at the first that does not."""
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="links the library as Linux does")
def test_the_kernels_of_this_processor(tmp_path: Path) -> None:
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    check = str(tmp_path / "check")
    compile_against_the_library([*compiler.command, "-std=c99", "-O1", "-o", check])
    assert ["portable", *held_to_the_portable_one(check)] == kernels()


@pytest.mark.skipif(sys.platform != "linux", reason="links the library as Linux does")
def test_differences_are_added_and_sliced_as_in_plain_c(tmp_path: Path) -> None:
    compiler = find_compiler()
    if compiler is None or "avx2" not in kernels():
        pytest.skip("no C compiler, or no AVX2, which alone has a second way")
    check = str(tmp_path / "check")
    compile_against_the_library([*compiler.command, "-std=c99", "-O1", "-o", check], check=DIFFERENCES)
    assert not held_to_the_portable_one(check)


@pytest.mark.skipif(sys.platform != "linux", reason="links the library as Linux does")
def test_the_screens_of_devices_of_this_processor(tmp_path: Path) -> None:
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    check = str(tmp_path / "check")
    compile_against_the_library([*compiler.command, "-std=c99", "-O1", "-o", check], check=DEVICES)
    assert ["portable", *held_to_the_portable_one(check)] == [name for name in kernels() if name != "neon"]


def simde(tmp_path: Path) -> list[str]:
    """A compiler that makes of AVX-512 what SIMDe does, without the attributes that would let it use AVX-512 itself."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or shutil.which("gcc") is None:
        pytest.skip("needs gcc on Linux and x86-64")
    command = ["gcc", "-std=gnu99", "-O1", "-w", "-Dtarget(features)=", f"-I{HERE / 'emulated_x86'}"]
    probe = tmp_path / "probe.c"
    probe.write_text("#include <simde/x86/avx512.h>\n")
    if subprocess.run([*command, "-fsyntax-only", str(probe)], capture_output=True, check=False).returncode != 0:
        pytest.skip("SIMDe's headers (Debian: libsimde-dev) are not installed")
    return [*command, str(HERE / "emulated_x86" / "cpu.c")]


def test_avx512_as_simde_emulates_it(tmp_path: Path) -> None:
    """With the lists of inputs that it shares with AVX2."""
    check, command = str(tmp_path / "check"), simde(tmp_path)
    sources = sorted(map(str, (*HOST.glob("ebnn_*_avx512.c"), HOST / "ebnn_listing_inputs_avx2.c")))
    compile_against_the_library([*command, "-o", check], *sources)
    assert held_to_the_portable_one(check)[-1] == "avx512"


def test_the_screen_of_devices_as_simde_emulates_it(tmp_path: Path) -> None:
    check, command = str(tmp_path / "check"), simde(tmp_path)
    source = str(RUNTIME / "chip" / "ebnn_devices_avx512.c")
    compile_against_the_library([*command, "-o", check], source, check=DEVICES)
    assert held_to_the_portable_one(check)[-1] == "avx512"


def test_neon_as_qemu_emulates_it(tmp_path: Path) -> None:
    target = ("-target", "aarch64-linux-musl", "-mcpu=generic", "-static", "-O1")
    compile_or_skip((*ZIG, *target), [*map(str, ALONE), CHECK, "-o", "check"], tmp_path)
    if shutil.which("qemu-aarch64") is None:
        pytest.skip("compiles, but is not run: qemu-aarch64 (Debian: qemu-user) is not installed")
    assert held_to_the_portable_one("qemu-aarch64", str(tmp_path / "check")) == ["neon"]


@pytest.mark.parametrize("kernel", CPU_FLAGS)
def test_a_kernel_is_offered_where_the_processor_has_it(kernel: str) -> None:
    facts = Path("/proc/cpuinfo")
    if sys.platform != "linux" or platform.machine() != "x86_64" or not facts.is_file():
        pytest.skip("no /proc/cpuinfo of an x86-64 processor to compare with")
    lines = (line.partition(":") for line in facts.read_text(encoding="utf-8").splitlines())
    flags = next(value.split() for name, _, value in lines if name.strip() == "flags")
    assert (kernel in kernels()) == CPU_FLAGS[kernel].issubset(flags)
