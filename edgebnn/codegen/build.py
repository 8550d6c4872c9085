"""Cross compiling the firmware project in a temporary folder."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import gettempdir

from edgebnn.chip.target.target import Target
from edgebnn.choices import choice
from edgebnn.codegen.clean_environment import cache_folder, clean_environment
from edgebnn.codegen.elf_sizes import elf_sizes
from edgebnn.codegen.flags import compile_flags, include_flags, link_flags
from edgebnn.codegen.kept_objects import KeptObjects, runtime_sources
from edgebnn.codegen.makefile import SCRIPT, header_folders, model_sources, program_sources, provisioning_sources
from edgebnn.codegen.project import memories
from edgebnn.codegen.toolchain import Toolchain, find_toolchain
from edgebnn.errors import FitError, ToolError
from edgebnn.mapping.record import FirmwareFacts
from edgebnn.mapping.trusted_elf import TrustedElf
from edgebnn.processors import usable_processors
from edgebnn.scratch import scratch_folder

_SECONDS = 600
# "section '.bss' will not fit in region 'SRAM': overflowed by 192 bytes" (lld), "region `SRAM' overflowed by ..." (ld).
_OVERFLOW = re.compile(r"region [`'](FLASH|SRAM)'(?::)? overflowed by (\d+) bytes")


@dataclass(frozen=True)
class Firmware:
    """A firmware that was built: the ELF, the compiler and the sizes that stand in the ELF.

    `provisioning` is the ELF of the program that programs the banks, where the firmware does not do so itself.
    """

    elf: TrustedElf
    facts: FirmwareFacts
    provisioning: TrustedElf | None = None


def build_firmware(files: Mapping[str, bytes], target: Target, toolchain: str | Toolchain = "auto") -> Firmware:
    """Compiles and links the files of `render_project`.

    `toolchain` is auto, zig, gcc, or one that `find_toolchain` gave. Raises ToolError where no compiler is found or it
    fails, FitError, with the bytes needed and there, where the firmware does not fit into flash or SRAM.
    """
    chain = toolchain if isinstance(toolchain, Toolchain) else find_toolchain(target, toolchain)
    with scratch_folder() as scratch:
        folder = scratch / "firmware"
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        compiler = _Compiler(chain, target, header_folders(files), folder, scratch / "compiler")
        compiler.scratch.mkdir()
        sources = (*model_sources(files), *program_sources(files))
        objects = _runtime_objects(compiler, files, sources)

        def link(name: str, sources: Iterable[str]) -> TrustedElf:
            flags = link_flags(target.architecture, SCRIPT)
            compiler.run(*(objects.get(path, path) for path in sources), *flags, *chain.libraries, "-o", name)
            return TrustedElf((folder / name).read_bytes())

        elf = link("firmware.elf", sources)
        provisioning = provisioning_sources(files)
        provisioner = link("provision.elf", (*model_sources(files), *provisioning)) if provisioning else None
    sizes = elf_sizes(elf)
    facts = FirmwareFacts(
        compiler=chain.title,
        constant_bytes=sizes.constant_bytes,
        data_bytes=sizes.data_bytes,
    )
    return Firmware(elf, facts, provisioner)


@dataclass(frozen=True)
class _Compiler:
    """A compiler in the folder of a project, with paths inside that folder alone, so that none reaches the ELF."""

    chain: Toolchain
    target: Target
    headers: frozenset[str]
    folder: Path
    scratch: Path

    @property
    def flags(self) -> tuple[str, ...]:
        """What every source is compiled with."""
        return (*self.chain.machine, *compile_flags(self.target.architecture), *include_flags(self.headers))

    def run(self, *arguments: str) -> None:
        """One call; ToolError or FitError where it fails."""
        try:
            answer = subprocess.run(
                [*self.chain.command, *self.flags, *arguments],
                cwd=self.folder,
                env=clean_environment(self.scratch),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ToolError(
                f"the compiler {self.chain.title} did not run ({error}); choose another with {choice('toolchain')}"
            ) from error
        if answer.returncode != 0:
            raise _failure(answer.stderr, self.target, self.chain)


def _runtime_objects(compiler: _Compiler, files: Mapping[str, bytes], sources: Iterable[str]) -> dict[str, str]:
    """The path of its object by each source of the runtime; none where the user's cache folder cannot keep them."""
    cache = cache_folder("objects")
    if cache is None:
        return {}
    kept = KeptObjects.of(cache, compiler.chain.title, compiler.flags, files)
    objects = {path: str(PurePosixPath(path).with_suffix(".o")) for path in runtime_sources(sources)}

    def make(path: str) -> None:
        made = kept.read(path, files[path])
        if made is None:
            compiler.run("-c", path, "-o", objects[path])
            kept.keep(path, files[path], (compiler.folder / objects[path]).read_bytes())
        else:
            (compiler.folder / objects[path]).write_bytes(made)

    with ThreadPoolExecutor(usable_processors()) as pool:
        list(pool.map(make, objects))
    return objects


def _failure(messages: str, target: Target, chain: Toolchain) -> FitError | ToolError:
    overflows = [(match[1], int(match[2])) for match in _OVERFLOW.finditer(messages)]
    if overflows and target.architecture != "host":
        region, beyond = max(overflows, key=lambda overflow: overflow[1])
        flash, sram = memories(target)
        memory, what, size = {
            "FLASH": ("flash", "code and weights", flash.size),
            "SRAM": ("sram", "stack, input, scores and work area", sram.size),
        }[region]
        return FitError(
            f"the firmware needs {size + beyond} bytes of {memory} for {what}, but target '{target.name}' has {size}; "
            f"make the largest layers smaller, or set memory.{memory}.size in a copy of it (edgebnn targets copy)"
        )
    if os.strerror(errno.ENOSPC) in messages or "NoSpaceLeft" in messages:  # the system's word, and zig's
        raise ToolError(
            f"the compiler {chain.title} found no space for its files; free some in '{gettempdir()}' and in the cache "
            "folder, or name other folders by TMPDIR and XDG_CACHE_HOME"
        )
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    first = next((line for line in lines if "error" in line.lower()), lines[0] if lines else "it gave no message")
    return ToolError(
        f"the compiler {chain.title} failed on the generated firmware: {first}; try another {choice('toolchain')}"
    )
