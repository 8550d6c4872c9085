"""The generated C is clean under every compiler that is installed, on all three targets."""

from __future__ import annotations

import re
import shutil
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Literal

import pytest

from edgebnn.codegen.flags import MACHINES, compile_flags, include_flags
from edgebnn.codegen.makefile import header_folders, model_sources, program_sources, provisioning_sources
from edgebnn.codegen.project import render_project
from edgebnn.mapping.allocation import Provisioning
from edgebnn.mapping.fit import STACK_BYTES
from edgebnn.mapping.self_trimming import self_trimming
from tests.codegen.projects import TARGETS, beat_network, mapped_on, run, write_project
from tests.networks import random_inputs

EXTRA = {"-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wundef", "-Wcast-qual"}
# Lines of GCC's -fcallgraph-info=su.
_FIGURE = r'^node: { title: "([^"]+)" label: "[^"]*\\n(\d+) bytes \(static\)" }'
_CALL = r'^edge: { sourcename: "([^"]+)" targetname: "([^"]+)"'
_HELPER = 64  # bytes of stack that a helper of the compiler's own may take


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
@pytest.mark.parametrize(
    ("target", "provisioning"),
    [*((target, None) for target in TARGETS), ("rram130", "boot"), ("rram130", "separate"), ("rram130", "trimmed")],
)
def test_every_source_compiles_without_a_warning(
    target: str, provisioning: Provisioning | Literal["trimmed"] | None, family: str, tmp_path: Path
) -> None:
    mapped = mapped_on(beat_network(), target, None if provisioning == "trimmed" else provisioning)
    if provisioning == "trimmed":
        mapped = self_trimming(mapped, random_inputs(mapped.network, 1, 5))
    files = render_project(mapped)
    folder = write_project(files, tmp_path)
    sources = sorted({*program_sources(files), *provisioning_sources(files), *model_sources(files)})
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
    """The deepest chain of calls, by GCC's own figures for each function and its graph of calls, fits twice over."""
    command = compiler("cortex-m4", "gcc")
    mapped = mapped_on(beat_network(), "cortex-m4")
    files = render_project(mapped)
    folder = write_project(files, tmp_path)
    flags = [*compile_flags(mapped.target.architecture), *include_flags(header_folders(files)), "-fcallgraph-info=su"]
    octets: dict[str, int] = {}
    calls: dict[str, set[str]] = {}
    for source in model_sources(files):
        run([*command, *flags, "-c", source, "-o", "x.o"], folder)
        graph = (folder / "x.ci").read_text()
        octets |= {name: int(size) for name, size in re.findall(_FIGURE, graph, re.MULTILINE)}
        edges = re.findall(_CALL, graph, re.MULTILINE)
        assert "dynamic" not in graph
        for caller, called in edges:
            calls.setdefault(caller, set()).add(f"{source}:pointer" if called == "__indirect_call" else called)
        # What a pointer to a function may point to: any function of the same file that calls by none itself.
        by_pointer = {caller for caller, called in edges if called == "__indirect_call"}
        own = {name for name in octets if name.startswith(f"{source}:")} - by_pointer
        calls[f"{source}:pointer"] = own if by_pointer else set()
    deepest: dict[str, int] = {}
    # The compiler's own helpers, such as a division, have no figure; none calls anything.
    for name in TopologicalSorter(calls).static_order():  # CycleError where one calls itself
        deepest[name] = octets.get(name, 0 if name.endswith(":pointer") else _HELPER) + max(
            (deepest[called] for called in calls.get(name, ())), default=0
        )
    assert "ebnn_linear_active" in deepest or "ebnn_linear_subsets" in deepest
    assert 0 < 2 * max(deepest.values()) < STACK_BYTES
