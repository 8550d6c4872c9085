"""The C library with a fault in one file: of that file alone an object is made anew."""

from __future__ import annotations

import shutil
from pathlib import Path

from build_native import CompilerError, compile_object, find_compiler, link_library, sources_of


class Objects:
    """Those of the C files of the library of the sources at `root`, in a folder beside them, made as they are needed.

    No file but the one with the fault may have changed since the first was made.
    """

    def __init__(self, root: Path) -> None:
        compiler = find_compiler()
        if compiler is None:
            raise CompilerError("faults are put into C too, and this machine has no C compiler; install gcc or clang")
        self._root, self._compiler = root, compiler
        self._folder = root.with_name(f"{root.name}-objects")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()

    def build(self, faulty: Path, library: Path) -> bool:
        """The library with what the file `faulty` holds now; False, and the library as it was, if that is no C."""
        others = [self._object_of(source) for source in sources_of(self._root) if source != faulty]
        changed = self._folder / "faulty.o"
        try:
            compile_object(self._compiler, self._root, faulty, changed)
        except CompilerError:
            return False
        link_library(self._compiler, [*others, changed], library)
        return True

    def _object_of(self, source: Path) -> Path:
        made = self._folder / source.parent.name / f"{source.stem}.o"
        if not made.exists():
            made.parent.mkdir(exist_ok=True)
            compile_object(self._compiler, self._root, source, made)
        return made
