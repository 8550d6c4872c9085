"""Objects of the C runtime, kept in the user's cache folder: no model changes them, so a machine compiles them once.

The comment at the head of each file does name the model; files are told apart by what stands below it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgebnn.codegen.heads import below_head

# Headers of the project that are the model's own; the runtime includes none of them.
MODEL_HEADERS = frozenset({"include/model.h", "include/memory_map.h"})
_DIGEST_BYTES = 32


def runtime_sources(sources: Iterable[str]) -> tuple[str, ...]:
    """Those of the sources whose objects are the same for every model."""
    return tuple(path for path in sources if path.startswith("runtime/"))


@dataclass(frozen=True)
class KeptObjects:
    """The objects of one compiler with one set of flags and headers.

    A file holds its object behind the object's SHA-256, so that what is not whole counts as missing.
    """

    folder: Path
    compiler: bytes

    @staticmethod
    def of(folder: Path, title: str, flags: Iterable[str], files: Mapping[str, bytes]) -> KeptObjects:
        """Those that a compiler of this name and version makes with these flags and the headers among the files."""
        digest = hashlib.sha256()
        for flag in (title, *flags):
            digest.update(f"{len(flag)} {flag}".encode())
        for path in sorted(path for path in files if path.endswith(".h") and path not in MODEL_HEADERS):
            header = below_head(files[path])
            digest.update(f"{path} {len(header)} ".encode() + header)
        return KeptObjects(folder, digest.digest())

    def read(self, path: str, source: bytes) -> bytes | None:
        """The object of the source at `path` in the project; None where there is none."""
        try:
            data = self._place(path, source).read_bytes()
        except OSError:
            return None
        digest, made = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        return made if hashlib.sha256(made).digest() == digest else None

    def keep(self, path: str, source: bytes, made: bytes) -> None:
        """Keeps the object of a source, where the folder can be written to."""
        place = self._place(path, source)
        beside = place.with_suffix(f".{os.getpid()}")
        try:
            beside.write_bytes(hashlib.sha256(made).digest() + made)
            beside.replace(place)
        except OSError:
            beside.unlink(missing_ok=True)

    def _place(self, path: str, source: bytes) -> Path:
        seen = below_head(source)
        name = hashlib.sha256(self.compiler + f"{path} {len(seen)} ".encode() + seen).hexdigest()
        return self.folder / f"{name}.o"
