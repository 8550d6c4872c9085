"""Building: sizes are read from the ELF, bytes repeat, and what cannot be built is said in one sentence."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import msgspec
import pytest

from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target
from edgebnn.codegen import toolchain
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.elf_sizes import elf_sizes
from edgebnn.codegen.project import render_project
from edgebnn.codegen.toolchain import Toolchain, find_toolchain
from edgebnn.errors import FitError, ToolError
from edgebnn.mapping.fit import STACK_BYTES
from tests.codegen.projects import TARGETS, beat_network, mapped_on

pytest.importorskip("ziglang", reason="the package ziglang is not installed")
pytest.importorskip("elftools", reason="the package pyelftools is not installed")

TOOLCHAINS = ("zig", "gcc")


def available(target: str, toolchain: str) -> Target:
    chip = load_target(target)
    try:
        find_toolchain(chip, toolchain)
    except ToolError as error:
        pytest.skip(str(error))
    return chip


def resized(target: str, memory: str, size: int) -> Target:
    """A target with another size of one memory, in bytes."""
    chip = load_target(target)
    assert chip.memory is not None
    region = getattr(chip.memory, memory)
    quantity = msgspec.structs.replace(region.size, value=size, unit="B")
    memories = msgspec.structs.replace(chip.memory, **{memory: msgspec.structs.replace(region, size=quantity)})
    return msgspec.structs.replace(chip, memory=memories)


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
@pytest.mark.parametrize("target", TARGETS)
def test_sizes_are_those_of_the_emitted_image_and_buffers(target: str, toolchain: str) -> None:
    mapped = mapped_on(beat_network(), target)
    facts = build_firmware(render_project(mapped), available(target, toolchain), toolchain).facts
    buffers = mapped.plan.input_bytes + mapped.plan.scores.bytes + mapped.plan.work_bytes
    assert facts.constant_bytes > len(mapped.image) + 200
    if target == "host":
        assert facts.data_bytes >= buffers
    else:
        assert buffers + STACK_BYTES <= facts.data_bytes <= buffers + STACK_BYTES + 64
    assert toolchain in facts.compiler or target == "host"


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
@pytest.mark.parametrize("target", TARGETS)
def test_the_same_project_gives_the_same_elf(target: str, toolchain: str) -> None:
    chip = available(target, toolchain)
    files = render_project(mapped_on(beat_network(), target))
    first, second = (build_firmware(files, chip, toolchain).elf for _ in range(2))
    assert first == second


@pytest.mark.parametrize("target", TARGETS)
def test_no_path_reaches_the_elf(target: str) -> None:
    elf = build_firmware(render_project(mapped_on(beat_network(), target)), load_target(target)).elf
    for path in (os.getcwd(), "/tmp/", "edgebnn-firmware-"):
        assert path.encode() not in elf


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
@pytest.mark.parametrize("target", ["rram130", "cortex-m4"])
def test_the_weights_lie_in_flash_as_they_are_in_the_image(target: str, toolchain: str) -> None:
    from elftools.elf.elffile import ELFFile

    mapped = mapped_on(beat_network(), target)
    chip = available(target, toolchain)
    elf = ELFFile(io.BytesIO(build_firmware(render_project(mapped), chip, toolchain).elf))
    section = elf.get_section_by_name(".weights")
    assert section.data() == mapped.image
    assert chip.memory is not None
    assert section["sh_addr"] < chip.memory.flash.base.value + chip.memory.flash.size.integer("memory")


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
@pytest.mark.parametrize(("memory", "size"), [("flash", 1024), ("sram", 2304)])
@pytest.mark.parametrize("target", ["rram130", "cortex-m4"])
def test_a_firmware_beyond_a_memory_is_refused_with_the_bytes(
    target: str, memory: str, size: int, toolchain: str
) -> None:
    available(target, toolchain)
    chip = resized(target, memory, size)
    mapped = replace(mapped_on(beat_network(), target), target=chip)
    with pytest.raises(FitError, match=rf"needs (\d+) bytes of {memory}.*'{target}' has {size}") as caught:
        build_firmware(render_project(mapped), chip, toolchain)
    enough = resized(target, memory, int(str(caught.value).split("needs ")[1].split()[0]))
    build_firmware(render_project(replace(mapped, target=enough)), enough, toolchain)


def test_a_compiler_that_fails_is_quoted_in_one_line() -> None:
    files = render_project(mapped_on(beat_network(), "cortex-m4"))
    files["src/model.c"] += b"#error out of order\n"
    with pytest.raises(ToolError, match=r"zig .* failed .*out of order") as caught:
        build_firmware(files, load_target("cortex-m4"), "zig")
    assert "\n" not in str(caught.value)


def test_a_compiler_on_a_full_disk_leaves_nothing_and_says_where_space_is_needed() -> None:
    """The compiler is a program that writes a file of its own where temporary files go, and fails."""
    program = "import sys, tempfile; sys.exit(f'error: {sys.argv[1]}: {tempfile.mkstemp()[1]}')"

    def said(reason: str) -> str:
        failing = Toolchain((sys.executable, "-c", program, reason), (), (), "gcc 1.0")
        with pytest.raises(ToolError) as caught:
            build_firmware(render_project(mapped_on(beat_network(), "cortex-m4")), load_target("cortex-m4"), failing)
        return str(caught.value)

    assert f"gcc 1.0 found no space for its files; free some in '{gettempdir()}'" in said("No space left on device")
    *_, path = said("out of order").partition(";")[0].split(": ")
    assert Path(path).parent != Path(gettempdir()) and not Path(path).exists()


def test_no_compiler_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    from edgebnn.codegen import toolchain

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(toolchain, "version", missing)
    monkeypatch.setenv("PATH", "")
    for preference in ("auto", "zig", "gcc"):
        with pytest.raises(ToolError, match=r"not found; pip install 'edgebnn\[soc\]'"):
            find_toolchain(load_target("cortex-m4"), preference)


def test_a_toolchain_that_does_not_exist_is_named() -> None:
    with pytest.raises(ToolError, match="no toolchain 'msvc'; use auto, zig or gcc"):
        find_toolchain(load_target("host"), "msvc")


@pytest.mark.parametrize("data", [b"", b"not an ELF", b"\x7fELF" + b"\xff" * 60])
def test_what_is_no_elf_has_no_sizes(data: bytes) -> None:
    with pytest.raises(ToolError, match="no sound ELF"):
        elf_sizes(data)


def test_a_home_that_cannot_be_written_to_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("ZIG_GLOBAL_CACHE_DIR", raising=False)
    mapped: Any = mapped_on(beat_network(), "rram130")
    assert build_firmware(render_project(mapped), mapped.target, "zig").facts.constant_bytes > 0


@pytest.mark.parametrize(
    ("preference", "there", "found"),
    [("auto", "both", "zig"), ("auto", "gcc", "gcc"), ("zig", "both", "zig"), ("gcc", "both", "gcc")],
)
def test_zig_comes_before_gcc(preference: str, there: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chains = {name: Toolchain((), (), (), name) for name in TOOLCHAINS}
    monkeypatch.setattr(toolchain, "_zig", lambda _: chains["zig"] if there == "both" else None)
    monkeypatch.setattr(toolchain, "_gcc", lambda _: chains["gcc"])
    assert find_toolchain(load_target("cortex-m4"), preference).title == found
