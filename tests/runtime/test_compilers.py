"""The C sources compile without a warning, and a self-check runs clean under the sanitizers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgebnn.resources import resource_folder

RUNTIME = resource_folder("runtime")
HERE = Path(__file__).resolve().parent

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
INCLUDES = tuple(f"-I{RUNTIME / folder}" for folder in ("include", "src", "signal", "host", "chip"))
PORTABLE = sorted(path for folder in ("src", "signal") for path in (RUNTIME / folder).glob("*.c"))
HOST = sorted(path for folder in ("host", "chip") for path in (RUNTIME / folder).glob("*.c"))

ZIG = (sys.executable, "-m", "ziglang", "cc")
HOSTS = {"gcc": ("gcc",), "clang": ("clang",), "zig": ZIG}
MICROCONTROLLERS = {
    "arm-none-eabi-gcc": ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-Os"),
    "zig for Cortex-M4": (*ZIG, "-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4", "-Os"),
    "zig for Cortex-M0+": (*ZIG, "-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus", "-Os"),
    "zig for RV32IMC": (*ZIG, "-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+c", "-Os"),
    "avr-gcc": ("avr-gcc", "-mmcu=atmega1284p", "-Os"),  # its int and size_t have 16 bits, as those of the next
    "zig for MSP430": (*ZIG, "-target", "msp430-freestanding-none", "-Os"),
}


def compile_or_skip(command: tuple[str, ...], arguments: list[str], folder: Path) -> None:
    """Runs the compiler in a folder; fails with its messages, skips where it is not installed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    if command[: len(ZIG)] == ZIG and find_spec("ziglang") is None:
        pytest.skip("the Python package ziglang is not installed")
    result = subprocess.run(
        [*command, *STRICT, *INCLUDES, *arguments],
        cwd=folder,
        env={**os.environ, "ZIG_LOCAL_CACHE_DIR": str(folder / "zig")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def skip_without_sanitizers(command: tuple[str, ...], flags: list[str], folder: Path) -> None:
    """Debian keeps clang's sanitizers in a package of their own, which a machine with clang need not have."""
    (folder / "empty.c").write_text("int main(void) { return 0; }\n")
    try:
        subprocess.run([*command, *flags, "empty.c", "-o", "empty"], cwd=folder, capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip(f"{command[0]} is not installed")
    except subprocess.CalledProcessError:
        pytest.skip(f"{command[0]} has no sanitizers here")


def test_there_are_sources() -> None:
    assert len(PORTABLE) > 8
    assert len(HOST) > 4


@pytest.mark.parametrize("name", HOSTS)
def test_the_runtime_compiles_without_a_warning(name: str, tmp_path: Path) -> None:
    compile_or_skip(HOSTS[name], ["-O2", "-shared", "-fPIC", *map(str, PORTABLE + HOST), "-o", "out.so"], tmp_path)


@pytest.mark.parametrize("name", MICROCONTROLLERS)
def test_the_portable_runtime_compiles_for_microcontrollers(name: str, tmp_path: Path) -> None:
    compile_or_skip(MICROCONTROLLERS[name], ["-ffreestanding", "-c", *map(str, PORTABLE)], tmp_path)


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_the_public_headers_serve_c_plus_plus(name: str, tmp_path: Path) -> None:
    (tmp_path / "user.cpp").write_text(
        '#include "ebnn.h"\n#include "ebnn_host.h"\n'
        "int main() { const int32_t scores[] = {1, 3, 2}; return static_cast<int>(ebnn_argmax(scores, 3)) - 1; }\n"
    )
    language = ("-x", "c++", "-std=c++11")
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    result = subprocess.run(
        [name, *language, "-Wall", "-Wextra", "-Wpedantic", "-Werror", *INCLUDES, "-fsyntax-only", "user.cpp"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_the_self_check_runs_clean_under_the_sanitizers(name: str, tmp_path: Path) -> None:
    flags = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    sources = [*map(str, PORTABLE + HOST), *map(str, sorted(HERE.glob("self_check*.c")))]
    skip_without_sanitizers(HOSTS[name], flags, tmp_path)
    compile_or_skip(HOSTS[name], [*flags, *sources, "-o", "self_check"], tmp_path)
    result = subprocess.run([str(tmp_path / "self_check")], capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "150 cases agree\n"
