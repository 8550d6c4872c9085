"""The C library of a copy of the sources as objects: of a changed file only that file is compiled again."""

from __future__ import annotations

import shutil
from pathlib import Path

from build_native import Compiler, CompilerError, compile_object, find_compiler, link_library, sources_of


class Objects:
    """Those of all C files of the library of the sources at `root`, in a folder beside them."""

    def __init__(self, root: Path) -> None:
        self._root, self._compiler = root, _compiler()
        self._folder = root.with_name(f"{root.name}-objects")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        for source in sources_of(root):
            self._compile(source)

    def build(self, source: Path, library: Path) -> None:
        """The library with what stands in one file now; CompilerError where that does not compile."""
        self._compile(source)
        link_library(self._compiler, sorted(self._folder.glob("*.o")), library)

    def _compile(self, source: Path) -> None:
        compile_object(self._compiler, self._root, source, self._folder / f"{source.stem}.o")


def _compiler() -> Compiler:
    compiler = find_compiler()
    if compiler is None:
        raise CompilerError("a fault of C wants a C compiler")
    return compiler
