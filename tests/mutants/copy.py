"""A copy of the sources, so that the work tree may change while tests run."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import cache_from_source
from pathlib import Path

from build_native import LIBRARY, SOURCE_FOLDERS, compile_library
from tests.mutants.objects import Objects

ROOT = Path(__file__).resolve().parents[2]


class Copy:
    """What git knows of the work tree, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        listed = subprocess.run(("git", "ls-files", "-z"), cwd=ROOT, capture_output=True, check=True).stdout
        for name in (os.fsdecode(each) for each in listed.split(b"\0") if each):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        (folder / LIBRARY).parent.mkdir(exist_ok=True)
        built = ROOT / LIBRARY
        if built.is_file():  # `make mutants` compiles it where sources are newer
            shutil.copy2(built, folder / LIBRARY)
        else:
            compile_library(folder, folder / LIBRARY)
        self._library = (folder / LIBRARY).read_bytes()
        self._objects: Objects | None = None

    def environment(self, **more: str) -> dict[str, str]:
        """That of tests which are to run here; they keep what Python makes of sources, for those that come next."""
        mine = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {**mine, "CI": "1", "PYTHONPATH": str(self.folder), **more}

    def build(self, path: str) -> bool:
        """The C library with the fault that a file holds now; whether it compiles."""
        if Path(path).parent.name not in SOURCE_FOLDERS:  # what goes into firmware alone, tests compile themselves
            return True
        self._objects = self._objects or Objects(self.folder)
        return self._objects.build(self.folder / path, self.folder / LIBRARY)

    def restore_library(self) -> None:
        """The C library as it was at first; who has the present one open keeps that."""
        (self.folder / LIBRARY).unlink(missing_ok=True)
        (self.folder / LIBRARY).write_bytes(self._library)

    def read(self, path: str) -> str:
        """The text of a file."""
        return (self.folder / path).read_text()

    def write(self, path: str, text: str) -> None:
        """A file's new text, and nothing left of what was compiled from the former: it may be as long and as old."""
        file = self.folder / path
        file.write_text(text)
        Path(cache_from_source(str(file))).unlink(missing_ok=True)
