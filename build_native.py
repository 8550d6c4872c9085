"""Compiles `runtime/` into the shared library that `edgebnn.native` loads.

`pip` calls this through `hatch_build.py`. After a change of the C sources, `python build_native.py` compiles the
library of a source tree anew without installing the package again. Needs nothing but the standard library and a C
compiler: $CC, or cc, gcc or clang on the path, or the one that the PyPI package `ziglang` carries.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

LIBRARY_NAME = {"darwin": "libedgebnn.dylib", "win32": "edgebnn.dll"}.get(sys.platform, "libedgebnn.so")
# What a compiler reads from the environment and puts before its own headers, libraries and tools.
LEFT_OUT = ("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX")

LIBRARY = Path("edgebnn", "_native", LIBRARY_NAME)
SOURCE_FOLDERS = ("src", "host", "chip", "emulator", "signal")
INCLUDE_FOLDERS = ("include", *SOURCE_FOLDERS)
# No fused multiply-add: a chip instance has to be the same on every machine, to the last bit of a resistance.
FLAGS = ("-O3", "-std=c99", "-ffp-contract=off", "-fPIC", "-shared", "-Wall", "-Wextra")

# The oldest glibc that a library built by zig needs: that of manylinux2014.
ZIG_GLIBC = "2.17"
# zig builds for the CPU that it runs on unless it is told; kernels for newer ones are chosen when the library runs.
ZIG_BASELINE = {"x86_64": "x86_64", "aarch64": "generic"}

REMEDY = "install gcc or clang, or the Python package ziglang, or name a C compiler in $CC"


class CompilerError(Exception):
    """No C compiler, or one that failed; the message is one sentence with what to do."""


@dataclass(frozen=True)
class Compiler:
    """The command that compiles C, and the platform tag of the wheels that its libraries may travel in."""

    command: tuple[str, ...]
    wheel_platform: str | None = None  # None: the platform of the Python that builds


def find_compiler() -> Compiler | None:
    """The compiler of this machine, or None; CompilerError where $CC names one that does not work."""
    named = os.environ.get("CC", "").strip()
    if named:
        compiler = Compiler(tuple(shlex.split(named)))
        if not _works(compiler):
            raise CompilerError(f"the compiler that $CC names, '{named}', does not compile C; {REMEDY}")
        return compiler
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name) and _works(Compiler((name,))):
            return Compiler((name,))
    return _zig() if find_spec("ziglang") else None


def compile_library(root: Path, output: Path) -> Compiler:
    """Compiles `root`/runtime into the file `output`, which appears whole or not at all; says which compiler did it."""
    compiler = find_compiler()
    if compiler is None:
        raise CompilerError(f"edgebnn's C runtime needs a C compiler and none was found; {REMEDY}")
    sources = sources_of(root)
    output.parent.mkdir(parents=True, exist_ok=True)
    _compile(compiler, [*_includes(root), *map(str, sources)], output)
    return compiler


def sources_of(root: Path) -> list[Path]:
    """The C files that the library of the source tree `root` is made of."""
    runtime = root / "runtime"
    sources = sorted(path for folder in SOURCE_FOLDERS for path in (runtime / folder).glob("*.c"))
    if not sources:
        raise CompilerError(f"'{runtime}' holds no C sources; the source tree is not complete")
    return sources


def compile_object(compiler: Compiler, root: Path, source: Path, output: Path) -> None:
    """One of these files, as an object."""
    _compile(compiler, [*_includes(root), "-c", str(source)], output)


def link_library(compiler: Compiler, objects: list[Path], output: Path) -> None:
    """The library of objects of all these files."""
    _compile(compiler, list(map(str, objects)), output)


def _includes(root: Path) -> list[str]:
    return [f"-I{root / 'runtime' / folder}" for folder in INCLUDE_FOLDERS]


def _compile(compiler: Compiler, arguments: list[str], output: Path) -> None:
    """`output` appears whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=".build-", dir=output.parent) as folder:
        made = Path(folder, output.name)
        result = _run(compiler, [*FLAGS, *arguments, "-o", str(made)], Path(folder))
        if result.returncode != 0:
            command = shlex.join(compiler.command)
            raise CompilerError(f"'{command}' does not compile edgebnn's C runtime:\n{result.stderr.strip()}")
        # A process that has the old library open keeps it: the name moves to a new file.
        os.replace(made, output)


def _zig() -> Compiler:
    command = [sys.executable, "-m", "ziglang", "cc"]
    machine = platform.machine()
    if sys.platform != "linux" or machine not in ZIG_BASELINE:
        return Compiler(tuple(command))
    command += ["-target", f"{machine}-linux-gnu.{ZIG_GLIBC}", f"-mcpu={ZIG_BASELINE[machine]}"]
    return Compiler(tuple(command), f"manylinux_{ZIG_GLIBC.replace('.', '_')}_{machine}.manylinux2014_{machine}")


def _works(compiler: Compiler) -> bool:
    """Whether it builds a shared library: there are compilers without headers, and stand-ins that only print."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <stdint.h>\n#include <string.h>\nint32_t probe(void) { return 0; }\n")
        library = Path(folder, "probe.so")
        result = _run(compiler, [*FLAGS, str(source), "-o", str(library)], Path(folder))
        return result.returncode == 0 and library.is_file()


def _run(compiler: Compiler, arguments: list[str], scratch: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    environment = {**kept, "ZIG_LOCAL_CACHE_DIR": str(scratch / "zig-cache")}
    try:
        return subprocess.run(
            [*compiler.command, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        return subprocess.CompletedProcess(arguments, 127, "", str(error))


def main() -> int:
    """Compiles the library of this source tree; the exit code is 1 where that fails."""
    root = Path(__file__).resolve().parent
    try:
        compile_library(root, root / LIBRARY)
    except CompilerError as error:
        print(f"build_native: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
