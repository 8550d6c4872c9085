"""Build hook of hatchling: puts the compiled runtime into the wheel, or into the source tree of an editable install."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

# hatchling loads this file by its path; what lies beside it is not on Python's own.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from build_native import LIBRARY, compile_library, find_compiler


class NativeLibraryHook(BuildHookInterface):
    """Compiles the library for wheels; a source distribution carries the sources and nothing compiled."""

    def dependencies(self) -> list[str]:
        """A compiler from PyPI, only where the machine has none."""
        return ["ziglang>=0.13"] if self.target_name == "wheel" and find_compiler() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles; `version` is "editable" for an editable install, else "standard"."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        if version == "editable":
            library = root / LIBRARY
        else:
            self.scratch = tempfile.TemporaryDirectory(prefix="edgebnn-build-")
            library = Path(self.scratch.name, LIBRARY.name)
            build_data["force_include"][str(library)] = LIBRARY.as_posix()
        compiler = compile_library(root, library)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{compiler.wheel_platform or next(iter(platform_tags()))}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes what lay beside the source tree while the wheel was written."""
        if hasattr(self, "scratch"):
            self.scratch.cleanup()
