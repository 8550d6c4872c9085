"""Finding a compiler for a target: the one that the PyPI package `ziglang` carries, or a GCC on the path."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from edgebnn.chip.target.target import Target
from edgebnn.codegen.clean_environment import clean_environment
from edgebnn.codegen.flags import GCC_LIBRARY, MACHINES
from edgebnn.errors import NoCompilerError, ToolError

Preference = Literal["auto", "zig", "gcc"]

# zig builds for the CPU that it runs on unless it is told; the glibc is that of manylinux2014.
_ZIG_HOSTS = {
    "x86_64": ("-target", "x86_64-linux-gnu.2.17", "-mcpu=x86_64"),
    "aarch64": ("-target", "aarch64-linux-gnu.2.17", "-mcpu=generic"),
}
_SECONDS = 60


@dataclass(frozen=True)
class Toolchain:
    """A compiler's command, what it is told about the machine, the libraries it needs, and its name and version."""

    command: tuple[str, ...]
    machine: tuple[str, ...]
    libraries: tuple[str, ...]
    title: str


def find_toolchain(target: Target, preference: str = "auto") -> Toolchain:
    """The compiler for a target: zig before gcc, since the same zig gives the same bytes on every machine.

    `preference` is auto, zig or gcc. Raises NoCompilerError where there is none, or where programs of this machine are
    no ELF files (target `host` outside Linux).
    """
    if preference not in ("auto", "zig", "gcc"):
        raise ToolError(f"there is no toolchain '{preference}'; use auto, zig or gcc")
    if target.architecture == "host" and sys.platform != "linux":
        raise NoCompilerError(
            "the firmware of target 'host' is an ELF program, which only Linux runs; use its Makefile by hand, or "
            "compile for another target"
        )
    found = _zig(target) if preference in ("auto", "zig") else None
    if found is None and preference in ("auto", "gcc"):
        found = _gcc(target)
    if found is None:
        gcc = f"a GCC ({', '.join(MACHINES[target.architecture].gcc_names)})"
        wanted = {"zig": "the package ziglang", "gcc": gcc}.get(preference, f"ziglang or {gcc}")
        raise NoCompilerError(
            f"target '{target.name}' needs a cross compiler, and {wanted} was not found; pip install 'edgebnn[soc]'"
        )
    return found


def _zig(target: Target) -> Toolchain | None:
    try:
        title = f"zig {version('ziglang')}"
    except PackageNotFoundError:
        return None
    machine = MACHINES[target.architecture].zig
    if target.architecture == "host":
        machine = _ZIG_HOSTS.get(platform.machine(), ())
    return Toolchain((sys.executable, "-m", "ziglang", "cc"), machine, (), title)


def _gcc(target: Target) -> Toolchain | None:
    machine = MACHINES[target.architecture]
    libraries = () if target.architecture == "host" else (GCC_LIBRARY,)
    for name in machine.gcc_names:
        path = shutil.which(name)
        if path is not None and (number := _version_of(path)) is not None:
            return Toolchain((path,), machine.gcc, libraries, f"{name} {number}")
    return None


def _version_of(path: str) -> str | None:
    """The compiler's version, or None where it does not run."""
    try:
        with tempfile.TemporaryDirectory(prefix="edgebnn-") as scratch:
            answer = subprocess.run(
                [path, "-dumpversion"],
                env=clean_environment(Path(scratch)),
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
