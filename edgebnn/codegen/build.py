"""Cross compiling the firmware project in a temporary folder."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgebnn.chip.target import Target
from edgebnn.codegen.clean_environment import clean_environment
from edgebnn.codegen.elf_sizes import elf_sizes
from edgebnn.codegen.flags import compile_flags, include_flags, link_flags
from edgebnn.codegen.makefile import SCRIPT, header_folders, model_sources, program_sources
from edgebnn.codegen.project import memories
from edgebnn.codegen.toolchain import Toolchain, find_toolchain
from edgebnn.errors import FitError, ToolError
from edgebnn.mapping.record import FirmwareFacts
from edgebnn.mapping.trusted_elf import TrustedElf
from edgebnn.scratch import scratch_folder

_SECONDS = 600
# "section '.bss' will not fit in region 'SRAM': overflowed by 192 bytes" (lld), "region `SRAM' overflowed by ..." (ld).
_OVERFLOW = re.compile(r"region [`'](FLASH|SRAM)'(?::)? overflowed by (\d+) bytes")


@dataclass(frozen=True)
class Firmware:
    """A firmware that was built: the ELF, the compiler and the sizes that stand in the ELF."""

    elf: TrustedElf
    facts: FirmwareFacts


def build_firmware(files: Mapping[str, bytes], target: Target, toolchain: str | Toolchain = "auto") -> Firmware:
    """Compiles and links the files of `render_project`.

    `toolchain` is auto, zig, gcc, or one that `find_toolchain` gave. Raises ToolError where no compiler is found or it
    fails, FitError, with the bytes needed and there, where the firmware does not fit into flash or SRAM.
    """
    chain = find_toolchain(target, toolchain) if isinstance(toolchain, str) else toolchain
    with scratch_folder() as scratch:
        folder = scratch / "firmware"
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        answer = _run(chain, _arguments(files, target, chain), folder, scratch / "zig-cache")
        if answer.returncode != 0:
            raise _failure(answer.stderr, target, chain)
        elf = TrustedElf((folder / "firmware.elf").read_bytes())
    sizes = elf_sizes(elf)
    facts = FirmwareFacts(
        compiler=chain.title,
        constant_bytes=sizes.constant_bytes,
        data_bytes=sizes.data_bytes,
    )
    return Firmware(elf, facts)


def _arguments(files: Mapping[str, bytes], target: Target, chain: Toolchain) -> list[str]:
    """One call of the compiler for everything, with paths inside the folder alone, so that none reaches the ELF."""
    return [
        *chain.machine,
        *compile_flags(target.architecture),
        *include_flags(header_folders(files)),
        *program_sources(files),
        *model_sources(files),
        *link_flags(target.architecture, SCRIPT),
        *chain.libraries,
        "-o",
        "firmware.elf",
    ]


def _run(chain: Toolchain, arguments: list[str], folder: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [*chain.command, *arguments],
            cwd=folder,
            env=clean_environment(scratch),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(f"the compiler {chain.title} did not run ({error}); choose another with --toolchain") from error


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
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    first = next((line for line in lines if "error" in line.lower()), lines[0] if lines else "it gave no message")
    return ToolError(f"the compiler {chain.title} failed on the generated firmware: {first}; try another --toolchain")
