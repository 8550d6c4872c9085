"""The folder builds alone, and its library serves a program that knows nothing of edgebnn."""

from __future__ import annotations

import io
import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.flags import MACHINES
from edgebnn.codegen.project import render_project
from edgebnn.mapping.allocation import Provisioning
from edgebnn.mapping.folder import made_by_make
from edgebnn.network import interpret
from tests.codegen.projects import TARGETS, beat_network, mapped_on, run, stored, write_project
from tests.networks import random_inputs, random_network

MAKE = shutil.which("make")
pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not installed")

ZIG = f"{sys.executable} -m ziglang cc"


def make(folder: Path, *arguments: str) -> str:
    return run(["make", "-s", *arguments], folder).stdout.decode()


@pytest.mark.parametrize(("target", "provisioning"), [*((target, None) for target in TARGETS), ("rram130", "separate")])
def test_make_gives_the_firmware_that_edgebnn_built_and_cleans_up(
    target: str, provisioning: Provisioning | None, tmp_path: Path
) -> None:
    """And what it makes is exactly what compiling again may be rid of."""
    pytest.importorskip("ziglang", reason="the package ziglang is not installed")
    mapped = mapped_on(beat_network(), target, provisioning)
    files = render_project(mapped)
    folder = write_project(files, tmp_path / "firmware")
    make(folder, f"CC={ZIG}")
    assert (folder / "libmodel.a").stat().st_size > 0
    section = ".rodata" if target == "host" else ".weights"  # a host's linker has a script of its own
    assert section in make(folder, "size", f"CC={ZIG}", f"PYTHON={sys.executable}")
    if target != "host":  # there the machine's own libraries are linked in
        built = build_firmware(files, mapped.target, "zig")
        assert (folder / "firmware.elf").read_bytes() == built.elf
        assert (built.provisioning is not None) == (provisioning == "separate")
        if built.provisioning is not None:
            assert (folder / "provision.elf").read_bytes() == built.provisioning
    if target == "cortex-m4":
        make(folder, "board=mps2-an386", f"CC={ZIG}")
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    own = {f"firmware/{name}" for name in files}
    assert made_by_make(own) == names - own
    make(folder, "clean")
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == own


def test_make_finds_a_compiler_by_itself(tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="the package ziglang is not installed")
    folder = write_project(render_project(mapped_on(beat_network(), "cortex-m4")), tmp_path)
    make(folder, f"PYTHON={sys.executable}")
    assert ".weights" in make(folder, "size", f"PYTHON={sys.executable}")


def test_a_changed_header_is_compiled_anew(tmp_path: Path) -> None:
    folder = write_project(render_project(mapped_on(beat_network(), "host")), tmp_path)
    compiler = shutil.which("gcc") or pytest.skip("gcc is not installed")
    make(folder, f"CC={compiler}")
    assert "model.c" in run(["make", "-W", "runtime/include/ebnn.h", "-n", f"CC={compiler}"], folder).stdout.decode()
    assert "model.c" not in run(["make", "-n", f"CC={compiler}"], folder).stdout.decode()


def test_a_board_that_does_not_exist_is_named(tmp_path: Path) -> None:
    folder = write_project(render_project(mapped_on(beat_network(), "cortex-m4")), tmp_path)
    answer = subprocess.run(["make", "board=moon"], cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode != 0 and "there is no board 'moon'; there is mps2-an386" in answer.stderr


def test_a_compiler_for_another_machine_is_told_so_and_builds_the_library_for_it(tmp_path: Path) -> None:
    folder = write_project(render_project(mapped_on(beat_network(), "cortex-m4")), tmp_path)
    refused = subprocess.run(["make", "CC=avr-none-gcc"], cwd=folder, capture_output=True, text=True, check=False)
    assert refused.returncode != 0 and "avr-none-gcc is not there or does not take -mcpu=cortex-m4" in refused.stderr
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    planned = make(folder, "--dry-run", "CC=gcc", "MACHINE=-O1")
    assert "gcc -O1 " in planned and "libmodel.a" in planned
    assert "-Werror" not in planned and "firmware.elf" not in planned and "-lgcc" not in planned


@pytest.mark.parametrize("compiler", [ZIG, "gcc", "clang"])
def test_the_folder_may_lie_under_any_name(compiler: str, tmp_path: Path) -> None:
    name = """it's "b" (c) $d #e;f&g)h:i%j"""
    if shutil.which(compiler.split()[0]) is None:
        pytest.skip(f"{compiler} is not installed")
    folder = write_project(render_project(mapped_on(beat_network(), "host")), tmp_path / name / "firmware")
    make(folder, f"CC={compiler}")
    assert run(["./firmware.elf"], folder, b"").stdout == b""
    assert name.encode() not in (folder / "libmodel.a").read_bytes()
    make(folder, "clean")


def test_the_callers_environment_changes_no_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ziglang", reason="the package ziglang is not installed")
    spoiled = tmp_path / "spoiled"
    spoiled.mkdir()
    for header in ("stdint.h", "stddef.h", "string.h"):
        (spoiled / header).write_text("#error spoiled\n")
    mapped = mapped_on(beat_network(), "cortex-m4")
    files = render_project(mapped)
    expected = build_firmware(files, mapped.target, "zig").elf
    folder = write_project(files, tmp_path / "firmware")
    for variable in ("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH"):
        monkeypatch.setenv(variable, f"{spoiled}/")
    monkeypatch.setenv("CFLAGS", "-DSPOILED -O3")
    assert build_firmware(files, mapped.target, "zig").elf == expected
    make(folder, f"CC={ZIG}")
    assert (folder / "firmware.elf").read_bytes() == expected
    native = mapped_on(beat_network(), "host")
    if shutil.which("gcc"):
        build_firmware(render_project(native), native.target, "gcc")


FOREIGN_SCRIPT = """
MEMORY { FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 512K  SRAM (rwx) : ORIGIN = 0x20000000, LENGTH = 128K }
SECTIONS
{
    .text : { KEEP(*(.start)) *(.text*) *(.rodata*) _etext = .; } > FLASH
    .data : AT (_etext) { *(.data*) } > SRAM
    .bss : { *(.bss*) *(COMMON) } > SRAM
    /DISCARD/ : { *(.ARM.exidx*) }
}
"""
FOREIGN_START = """
#include "model.h"
static uint32_t input[MODEL_INPUT_BYTES / 4], work[MODEL_WORK_BYTES / 4 + 1];
static int32_t scores[MODEL_SCORES];
volatile int32_t written = 5;
void *memset(void *to, int value, unsigned int count) { char *t = to; while (count--) *t++ = (char)value; return to; }
void *memcpy(void *to, const void *from, unsigned int count)
{ char *t = to; const char *f = from; while (count--) *t++ = *f++; return to; }
__attribute__((section(".start"))) void start(void) { written = model_infer(input, scores, work); for (;;) { } }
"""


def test_a_foreign_linker_script_keeps_the_weights_among_the_constants(tmp_path: Path) -> None:
    """As boards' scripts are: they know .text and .rodata, and load .data right behind, whatever else there is."""
    pytest.importorskip("ziglang", reason="the package ziglang is not installed")
    elffile = pytest.importorskip("elftools.elf.elffile")
    mapped = mapped_on(beat_network(), "cortex-m4")
    folder = write_project(render_project(mapped), tmp_path / "firmware")
    make(folder, "libmodel.a", f"CC={ZIG}")
    (tmp_path / "foreign.ld").write_text(FOREIGN_SCRIPT)
    (tmp_path / "start.c").write_text(FOREIGN_START)
    machine = MACHINES["cortex-m4"].zig
    flags = ["-ffreestanding", "-fno-builtin", "-Os", "-nostdlib", "-Ifirmware/include", "-Wl,-T,foreign.ld"]
    link = [*ZIG.split(), *machine, *flags, "-Wl,-e,start", "start.c", "firmware/libmodel.a", "-o", "foreign.elf"]
    run(link, tmp_path)
    elf = elffile.ELFFile(io.BytesIO((tmp_path / "foreign.elf").read_bytes()))
    assert mapped.image in elf.get_section_by_name(".text").data()
    loads = sorted((part["p_paddr"], part["p_paddr"] + part["p_filesz"]) for part in elf.iter_segments("PT_LOAD"))
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(loads))


FOREIGN_MAIN = r"""
#include <stdio.h>
#include "model.h"
int main(void)
{
    static uint32_t input[MODEL_INPUT_BYTES / 4], work[MODEL_WORK_BYTES / 4 + 1];
    static int32_t scores[MODEL_SCORES];
    if (model_init() != 0) return 1;
    while (fread(input, sizeof input, 1, stdin) == 1) {
        if (model_infer(input, scores, work) != 0) return 1;
        for (int i = 0; i < MODEL_SCORES; i++) printf("%ld\n", (long)scores[i]);
    }
    return 0;
}
"""


@pytest.mark.parametrize(("seed", "compiler"), [(0, "gcc"), (3, "clang"), (7, "gcc")])
def test_a_foreign_program_links_the_library_and_gets_the_interpreters_scores(
    seed: int, compiler: str, tmp_path: Path
) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    network = beat_network() if seed == 0 else random_network(seed)
    mapped = mapped_on(network, "host")
    folder = write_project(render_project(mapped), tmp_path / "firmware")
    make(folder, "libmodel.a", f"CC={compiler}")
    (tmp_path / "main.c").write_text(FOREIGN_MAIN)
    run([compiler, "-std=c99", "-Ifirmware/include", "main.c", "firmware/libmodel.a", "-o", "foreign"], tmp_path)
    x = random_inputs(network, seed, 5)
    scores = np.array(run(["./foreign"], tmp_path, stored(mapped, x)).stdout.split(), dtype=np.int64)
    assert np.array_equal(scores.reshape(5, -1), interpret(network, x).reshape(5, -1))


def test_the_hosts_program_reads_samples_and_refuses_a_broken_one(tmp_path: Path) -> None:
    compiler = shutil.which("gcc") or pytest.skip("gcc is not installed")
    network = beat_network()
    mapped = mapped_on(network, "host")
    folder = write_project(render_project(mapped), tmp_path)
    make(folder, f"CC={compiler}")
    x = random_inputs(network, 1, 4)
    data = stored(mapped, x)
    scores = np.frombuffer(run(["./firmware.elf"], folder, data).stdout, "<i4")
    assert np.array_equal(scores.reshape(4, -1), interpret(network, x))
    broken = subprocess.run(["./firmware.elf"], cwd=folder, input=data[:-1], capture_output=True, check=False)
    assert broken.returncode == 2 and b"within a sample" in broken.stderr
    assert run(["./firmware.elf"], folder, b"").stdout == b""
