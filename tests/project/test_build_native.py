"""The shared library is compiled by whatever C compiler a machine has, and by ziglang's where it has none."""

from __future__ import annotations

import ctypes
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import build_native  # of the source tree, not of the package; pytest puts its folder on the path

ROOT = Path(__file__).resolve().parents[2]


def _tree(folder: Path, source: str) -> Path:
    (folder / "runtime" / "src").mkdir(parents=True)
    (folder / "runtime" / "src" / "one.c").write_text(source)
    return folder


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any C compiler on its path."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.delenv("CC", raising=False)


def test_the_library_is_compiled_and_loads(tmp_path: Path) -> None:
    root = _tree(tmp_path, "int answer(void);\nint answer(void) { return 42; }\n")
    library = tmp_path / "out" / "lib.so"
    build_native.compile_library(root, library)
    assert ctypes.CDLL(str(library)).answer() == 42
    assert [path.name for path in library.parent.iterdir()] == ["lib.so"]


def test_a_failed_compilation_says_what_the_compiler_said_and_leaves_the_old_library(tmp_path: Path) -> None:
    root = _tree(tmp_path, "#error no such thing\n")
    library = tmp_path / "out" / "lib.so"
    library.parent.mkdir()
    library.write_bytes(b"old")
    with pytest.raises(build_native.CompilerError, match="no such thing"):
        build_native.compile_library(root, library)
    assert library.read_bytes() == b"old"
    assert [path.name for path in library.parent.iterdir()] == ["lib.so"]


def test_a_source_tree_without_runtime_is_named(tmp_path: Path) -> None:
    with pytest.raises(build_native.CompilerError, match="holds no C sources"):
        build_native.compile_library(tmp_path, tmp_path / "lib.so")


def test_the_compiler_that_cc_names_is_taken_with_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    found = build_native.find_compiler()
    assert found is not None
    monkeypatch.setenv("CC", " ".join([*found.command, "-DANYTHING"]))
    compiler = build_native.find_compiler()
    assert compiler is not None
    assert compiler.command[-1] == "-DANYTHING"


def test_a_cc_that_does_not_work_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler-anywhere")
    with pytest.raises(build_native.CompilerError, match=r"\$CC names.*ziglang"):
        build_native.find_compiler()


@pytest.mark.usefixtures("bare_machine")
def test_without_any_compiler_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_native, "find_spec", lambda name: None)
    with pytest.raises(build_native.CompilerError, match=r"none was found; install gcc or clang, or .* ziglang"):
        build_native.compile_library(ROOT, ROOT / "never-written.so")


@pytest.mark.long
@pytest.mark.usefixtures("bare_machine")
@pytest.mark.skipif(find_spec("ziglang") is None, reason="needs the PyPI package ziglang")
def test_without_a_compiler_ziglang_builds_the_whole_runtime_for_any_machine(tmp_path: Path) -> None:
    library = tmp_path / build_native.LIBRARY_NAME
    compiler = build_native.compile_library(ROOT, library)
    assert "ziglang" in compiler.command
    if sys.platform == "linux":
        assert "manylinux2014" in str(compiler.wheel_platform)
    assert ctypes.CDLL(str(library)).ebnn_argmax((ctypes.c_int32 * 3)(1, 5, 5), 3) == 1
