"""Bytes of constants and of data, read from an ELF's sections."""

from __future__ import annotations

import io
from dataclasses import dataclass

from edgebnn.choices import choice
from edgebnn.errors import ToolError


@dataclass(frozen=True)
class ElfSizes:
    """Bytes in memory. constant: code and what else is only read. data: what is written, the stack included."""

    constant_bytes: int
    data_bytes: int


def elf_sizes(elf: bytes) -> ElfSizes:
    """The sizes of an ELF; ToolError where pyelftools is missing or the file is no sound ELF."""
    try:
        from elftools.common.exceptions import ELFError
        from elftools.elf.constants import SH_FLAGS
        from elftools.elf.elffile import ELFFile
    except ImportError as error:
        raise ToolError(
            "reading the firmware's sizes needs the package pyelftools; pip install 'edgebnn[soc]'"
        ) from error
    constant = data = 0
    try:
        for section in ELFFile(io.BytesIO(elf)).iter_sections():
            size = int(section["sh_size"])
            if not section["sh_flags"] & SH_FLAGS.SHF_ALLOC:
                continue
            # What takes no place in the file, such as the stack, is memory to write to whatever its flags say.
            if section["sh_flags"] & SH_FLAGS.SHF_WRITE or section["sh_type"] == "SHT_NOBITS":
                data += size
            else:
                constant += size
    except (ELFError, ValueError, KeyError) as error:
        raise ToolError(
            f"the compiler's output is no sound ELF ({error}); try another one with {choice('toolchain')}"
        ) from error
    return ElfSizes(constant, data)
