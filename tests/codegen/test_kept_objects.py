"""Objects of the runtime are kept between builds, and change no byte of a firmware."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("ziglang", reason="the package ziglang is not installed")

from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.clean_environment import cache_folder
from edgebnn.codegen.heads import below_head, c_head
from edgebnn.codegen.kept_objects import KeptObjects, runtime_sources
from edgebnn.codegen.project import render_project
from edgebnn.mapping.mapped import MappedNetwork
from tests.codegen.projects import TARGETS, beat_network, mapped_on, two_inputs

MAPPED = mapped_on(beat_network(), "rram130")
FILES = render_project(MAPPED)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the compiler is called with."""
    run, called = subprocess.run, list[Any]()

    def counted(command: Any, **options: Any) -> Any:
        called.append(command)
        return run(command, **options)

    monkeypatch.setattr("edgebnn.codegen.build.subprocess.run", counted)
    return called


def test_a_second_build_compiles_the_model_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: list[Any]
) -> None:
    def build() -> bytes:
        calls.clear()
        return bytes(build_firmware(FILES, MAPPED.target, "zig").elf)

    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(cache_folder("zig") or tmp_path))  # zig's own library is kept
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first, runtime = build(), runtime_sources(FILES)
    count = sum(path.endswith(".c") for path in runtime)
    assert len(calls) == count + 1
    assert build() == first and len(calls) == 1
    kept = sorted((tmp_path / "edgebnn" / "objects").iterdir())
    assert len(kept) == count
    kept[0].write_bytes(kept[0].read_bytes()[:-1])
    kept[1].write_bytes(b"")
    assert build() == first and len(calls) == 3
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert build() == first and len(calls) == 1


@pytest.fixture
def other_model() -> MappedNetwork:
    """Not the model of `MAPPED`, and compiled with hostile options: both stand at the head of every file."""
    mapped = mapped_on(replace(two_inputs(), name="another", model_sha256="f" * 64), "rram130")
    options = "compile */ --x 'int y;' \n */ int z;"
    return replace(mapped, provenance=msgspec.structs.replace(mapped.provenance, options=options))


@pytest.mark.parametrize("target", TARGETS)
def test_a_build_of_another_model_compiles_that_model_alone(
    target: str, other_model: MappedNetwork, calls: list[Any]
) -> None:
    mapped = mapped_on(beat_network(), target)
    build_firmware(render_project(mapped), mapped.target, "zig")
    calls.clear()
    other = replace(mapped_on(other_model.network, target), provenance=other_model.provenance)
    build_firmware(render_project(other), other.target, "zig")
    assert len(calls) == 1


def test_objects_kept_from_another_model_change_no_byte(
    other_model: MappedNetwork, monkeypatch: pytest.MonkeyPatch, calls: list[Any]
) -> None:
    build_firmware(FILES, MAPPED.target, "zig")
    files = render_project(other_model)
    kept = bytes(build_firmware(files, other_model.target, "zig").elf)
    calls.clear()
    monkeypatch.setattr("edgebnn.codegen.build.cache_folder", lambda name: None)
    assert bytes(build_firmware(files, other_model.target, "zig").elf) == kept and len(calls) == 1


def test_what_stands_below_a_head_stays_on_its_lines() -> None:
    provenance = msgspec.structs.replace(MAPPED.provenance, options="compile */ int x; /*\n */\n")
    head, code = c_head("A title.", provenance).encode(), b"/*\n * Ours.\n */\nint x;\n"
    assert below_head(head + code) == head.count(b"\n") * b"\n" + code
    for other in (b"#pragma once\n" + code, b"/*\n */ int y; /*\n */\n", b"/*\n * Ours. */\nint x;\n"):
        assert below_head(other) == other


def test_no_header_of_the_model_reaches_the_runtime() -> None:
    made_for_the_model = {"model.h", "memory_map.h"}
    assert {f"include/{name}" for name in made_for_the_model} <= FILES.keys()
    for path in (path for path in FILES if path.startswith("runtime/")):
        code = FILES[path].decode()
        included = re.findall(r'#include [<"]([^>"/]+)[>"]\n', code)
        assert len(included) == len(re.findall(r"#\s*include", code)), f"{path} includes in a way that is not followed"
        assert not set(included) & made_for_the_model, path


def test_another_size_of_flash_is_another_object_only_where_the_target_is_known(tmp_path: Path) -> None:
    sources = [path for path in runtime_sources(FILES) if path.endswith(".c")]
    kept = KeptObjects.of(tmp_path, "zig 1", (), FILES)
    for path in sources:
        kept.keep(path, FILES[path], b"object")
    header = FILES["include/ebnn_target.h"]
    other = re.sub(rb"(EBNN_FLASH_BYTES) 0x\w+", rb"\1 0x1234u", header)
    assert other != header
    kept = KeptObjects.of(tmp_path, "zig 1", (), {**FILES, "include/ebnn_target.h": other})
    missing = [path for path in sources if kept.read(path, FILES[path]) is None]
    assert missing == [path for path in sources if path.startswith("runtime/macro/")] != []


def test_another_compiler_flag_header_or_source_is_another_object(tmp_path: Path) -> None:
    source = b'# include "b.h"\nint x;'

    def made(title: str, flag: str, header: bytes) -> KeptObjects:
        files = {"include/b.h": b"#include <deep/a.h>", "runtime/a.h": header, "include/c.h": title.encode() + header}
        return KeptObjects.of(tmp_path, title, (flag,), files)

    made("zig 1", "-Os", b"").keep("runtime/a.c", source, b"object")
    assert made("zig 1", "-Os", b"").read("runtime/a.c", source) == b"object"
    for other in (made("zig 2", "-Os", b""), made("zig 1", "-O2", b""), made("zig 1", "-Os", b"x")):
        assert other.read("runtime/a.c", source) is None
    assert made("zig 1", "-Os", b"").read("runtime/b.c", source) is None
    unread = KeptObjects.of(tmp_path, "zig 1", ("-Os",), {"include/b.h": b"#include <deep/a.h>", "runtime/a.h": b""})
    assert unread.read("runtime/a.c", source) == b"object"  # c.h, which nothing includes, is of no matter
    assert made("zig 1", "-Os", b"").read("runtime/a.c", source + b"\n") is None
