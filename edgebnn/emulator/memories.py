"""Flash and SRAM of the emulated chip: host buffers that the CPU and the macro both see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.chip.target.target import Region, Target
from edgebnn.emulator.cpu import PAGE_BYTES
from edgebnn.emulator.structs import MemoryStruct
from edgebnn.errors import DeploymentError

Octets = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ChipMemory:
    """One memory: `data` are its bytes, which lie at `base`; the host's buffer is rounded up to whole pages."""

    base: int
    buffer: Octets
    size: int

    @property
    def data(self) -> Octets:
        """The bytes that the target has, a view."""
        return self.buffer[: self.size]

    @property
    def view(self) -> MemoryStruct:
        """The memory as C sees it."""
        return MemoryStruct(self.buffer.ctypes.data, self.base, self.size)

    def part(self, address: int, length: int, what: str) -> Octets:
        """The bytes at an address that the firmware gave, a view; DeploymentError where they are not all inside."""
        start = address - self.base
        if address % 4 or start < 0 or start + length > self.size:
            raise DeploymentError(
                f"the firmware says that {what} of {length} bytes lies at 0x{address:08x}, which is not in SRAM; "
                "compile again"
            )
        return self.buffer[start : start + length]


@dataclass(frozen=True, eq=False)
class EmulatedMemories:
    """The chip's memories."""

    flash: ChipMemory
    sram: ChipMemory


def chip_memories(target: Target) -> EmulatedMemories:
    """Empty memories as the target has them; its own rules see to it that they lie apart and on whole pages."""
    assert target.memory is not None, "a target file with a CPU has memories"
    return EmulatedMemories(_empty(target.memory.flash), _empty(target.memory.sram))


def _empty(region: Region) -> ChipMemory:
    base, size = region.base.integer("address"), region.size.integer("memory")
    pages = -(-size // PAGE_BYTES) * PAGE_BYTES
    whole = np.zeros(pages + PAGE_BYTES, np.uint8)
    start = -whole.ctypes.data % PAGE_BYTES  # the CPU's emulator maps whole pages of the host, too
    return ChipMemory(base, whole[start : start + pages], size)
