"""The generated C is clean under every compiler that is installed, on all three targets."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from edgebnn.codegen.flags import MACHINES, compile_flags, include_flags
from edgebnn.codegen.makefile import header_folders, model_sources, program_sources
from edgebnn.codegen.project import render_project
from edgebnn.mapping.fit import STACK_BYTES
from tests.codegen.projects import TARGETS, beat_network, mapped_on, run, write_project

EXTRA = {"-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wundef", "-Wcast-qual"}


def compiler(target: str, family: str) -> list[str]:
    """The command with its machine flags; skips where it is not installed."""
    architecture = {"rram130": "rv32imc", "cortex-m4": "cortex-m4", "host": "host"}[target]
    machine = MACHINES[architecture]  # type: ignore[index]
    if family == "zig":
        pytest.importorskip("ziglang", reason="the package ziglang is not installed")
        return [sys.executable, "-m", "ziglang", "cc", *machine.zig]
    names = ("clang",) if family == "clang" else ("gcc",) if target == "host" else machine.gcc_names
    found = next(filter(shutil.which, names), None)
    if found is None:
        pytest.skip(f"none of {', '.join(names)} is installed")
    return [found, *(machine.clang if family == "clang" else machine.gcc)]


@pytest.mark.parametrize("family", ["zig", "gcc", "clang"])
@pytest.mark.parametrize("target", TARGETS)
def test_every_source_compiles_without_a_warning(target: str, family: str, tmp_path: Path) -> None:
    mapped = mapped_on(beat_network(), target)
    files = render_project(mapped)
    folder = write_project(files, tmp_path)
    sources = [*program_sources(files), *model_sources(files)]
    sources += [path for path in files if path.startswith("board/") and path.endswith(".c")]
    command = [flag for flag in compiler(target, family) if not flag.startswith("-fuse-ld")]
    flags = [*compile_flags(mapped.target.architecture), *include_flags(header_folders(files)), *sorted(EXTRA)]
    for source in sources:
        run([*command, *flags, "-c", source, "-o", "x.o"], folder)


@pytest.mark.parametrize("target", TARGETS)
def test_the_public_header_is_also_c_plus_plus(target: str, tmp_path: Path) -> None:
    command = shutil.which("g++") or pytest.skip("g++ is not installed")
    folder = write_project(render_project(mapped_on(beat_network(), target)), tmp_path)
    (folder / "use.cpp").write_text('#include "model.h"\nint main() { return model_init() + MODEL_SCORES; }\n')
    run([command, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Iinclude", "-c", "use.cpp", "-o", "use.o"], folder)


def test_the_stack_holds_the_deepest_call(tmp_path: Path) -> None:
    """GCC's own figures for each function: all helpers and the largest kernel are more than any chain of calls takes.

    No kernel calls another one.
    """
    command = compiler("cortex-m4", "gcc")
    mapped = mapped_on(beat_network(), "cortex-m4")
    files = render_project(mapped)
    folder = write_project(files, tmp_path)
    flags = [*compile_flags(mapped.target.architecture), *include_flags(header_folders(files)), "-fstack-usage"]
    kernels = set(re.findall(r"^int32_t (ebnn_\w+)\(", files["runtime/include/ebnn.h"].decode(), re.MULTILINE))
    helpers, largest = 0, 0
    for source in model_sources(files):
        run([*command, *flags, "-c", source, "-o", "x.o"], folder)
        figures = [line.split("\t") for line in (folder / "x.su").read_text().splitlines()]
        assert all(kind == "static" for _, _, kind in figures)
        used = sum(int(octets) for _, octets, _ in figures)
        if kernels & {place.rpartition(":")[2] for place, _, _ in figures}:
            largest = max(largest, used)
        else:
            helpers += used
    assert largest > 0 and helpers + largest < STACK_BYTES
