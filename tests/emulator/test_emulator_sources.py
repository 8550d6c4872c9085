"""The emulator's and the macro's C: clean for every compiler, and within its memories whatever it is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgebnn.chip.target_files.loading import load_target
from edgebnn.resources import resource_folder
from tests.emulator.bare_metal import ZIG_TARGETS, target_header

RUNTIME = resource_folder("runtime")
EMULATOR = sorted((RUNTIME / "emulator").glob("*.c"))
SENSING = [RUNTIME / "chip" / f"ebnn_{name}.c" for name in ("sense", "philox_rows_portable")]
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
INCLUDES = [f"-I{RUNTIME / folder}" for folder in ("include", "chip", "emulator", "macro")]


def _compile(command: list[str], scratch: Path) -> str:
    environment = {**os.environ, "ZIG_LOCAL_CACHE_DIR": str(scratch / "cache")}
    result = subprocess.run(command, env=environment, cwd=scratch, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_emulator_compiles_without_a_warning(compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    assert len(EMULATOR) >= 4
    _compile([compiler, *STRICT, "-O2", *INCLUDES, "-c", *map(str, EMULATOR)], tmp_path)


def test_trimming_bears_whatever_a_chip_answers(tmp_path: Path) -> None:
    """In 64 bits and in the 32 of the firmware, at shifts of all sizes, and nothing overflows on the way."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs gcc or clang for the sanitizers")
    (tmp_path / "ebnn_target.h").write_text(target_header(load_target("rram130")))
    sources = [str(RUNTIME / "macro" / "ebnn_macro_trim.c"), str(Path(__file__).with_name("trim_check.c"))]
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
    _compile([compiler, *STRICT, *sanitizers, *INCLUDES, f"-I{tmp_path}", *sources, "-o", "check"], tmp_path)
    result = subprocess.run([tmp_path / "check"], capture_output=True, text=True, check=False, timeout=300)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "20000 20000\n"


@pytest.mark.parametrize("compiler", ["gcc", "clang", "riscv64-unknown-elf-gcc", "zig"])
def test_the_hardware_layer_compiles_without_a_warning(compiler: str, tmp_path: Path) -> None:
    (tmp_path / "ebnn_target.h").write_text(target_header(load_target("rram130")))
    source = str(RUNTIME / "macro" / "ebnn_linear_macro.c")
    command = [compiler]
    if compiler == "zig":
        pytest.importorskip("ziglang", reason="needs the PyPI package ziglang")
        command = [sys.executable, "-m", "ziglang", "cc", *ZIG_TARGETS["rv32imc"]]
    elif shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    elif compiler.startswith("riscv"):
        command += ["-march=rv32imc", "-mabi=ilp32"]
    # The address of a pointer has 32 bits on the chip; a host's compiler only looks at everything else.
    _compile([*command, *STRICT, "-ffreestanding", "-Os", *INCLUDES, f"-I{tmp_path}", "-c", source], tmp_path)


def test_no_register_value_makes_the_macro_leave_its_memories(tmp_path: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs gcc or clang for the sanitizers")
    program = tmp_path / "fuzz"
    sources = [str(path) for path in (*EMULATOR, *SENSING) if path.name != "ebnn_soc.c"]
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
    fuzz = str(Path(__file__).with_name("fuzz_macro.c"))
    _compile([compiler, *STRICT, *sanitizers, *INCLUDES, *sources, fuzz, "-o", str(program)], tmp_path)
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    result = subprocess.run([program], env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr[:2000]
    runs, refused = map(int, result.stdout.split())
    # Both kinds must be there in numbers, or nothing deep was reached.
    assert 1000 < refused < runs - 1000
