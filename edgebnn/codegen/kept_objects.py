"""Objects of the C runtime, kept in the user's cache folder: no model changes them, so a machine compiles them once.

The comment at the head of each file does name the model; files are told apart by what stands below it, and by the
headers that they include: the target's own numbers are one, which hardly any does.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgebnn.codegen.heads import below_head

_INCLUDED = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*[<"](?:[^>"\n]*/)?([^/>"\n]+)[>"]', re.MULTILINE)
_DIGEST_BYTES = 32


def runtime_sources(sources: Iterable[str]) -> tuple[str, ...]:
    """Those of the sources whose objects are the same for every model."""
    return tuple(path for path in sources if path.startswith("runtime/"))


@dataclass(frozen=True)
class KeptObjects:
    """The objects of one compiler with one set of flags, for sources that may include these headers (by path).

    A file holds its object behind the object's SHA-256, so that what is not whole counts as missing.
    """

    folder: Path
    compiler: bytes
    headers: Mapping[str, bytes]

    @staticmethod
    def of(folder: Path, title: str, flags: Iterable[str], files: Mapping[str, bytes]) -> KeptObjects:
        """Those that a compiler of this name and version makes with these flags and the headers among the files."""
        compiler = hashlib.sha256("".join(f"{len(flag)} {flag}" for flag in (title, *flags)).encode())
        return KeptObjects(folder, compiler.digest(), {path: files[path] for path in files if path.endswith(".h")})

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
        digest = hashlib.sha256(self.compiler)
        for name, data in ((path, source), *self._included(source)):
            seen = below_head(data)
            digest.update(f"{name} {len(seen)} ".encode() + seen)
        return self.folder / f"{digest.hexdigest()}.o"

    def _included(self, source: bytes) -> list[tuple[str, bytes]]:
        """Every header that can take part, in order: those of a name that stands in an include, whatever its folder."""
        found: dict[str, bytes] = {}
        waiting = [source]
        while waiting:
            names = {name.decode(errors="replace") for name in _INCLUDED.findall(waiting.pop())}
            for path, data in self.headers.items():
                if path not in found and PurePosixPath(path).name in names:
                    found[path] = data
                    waiting.append(data)
        return sorted(found.items())
