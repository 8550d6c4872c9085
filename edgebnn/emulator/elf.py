"""Reading a firmware's ELF: 32-bit, little-endian, its segments checked against the target's memories."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from edgebnn.chip.target.target import Memories
from edgebnn.errors import DeploymentError

MACHINES = {"rv32imc": 243, "cortex-m4": 40}
_HEADER = struct.Struct("<4sBBB9xHHIIIIIHHHHHH")
_SEGMENT = struct.Struct("<8I")
_EXECUTABLE, _LOAD = 2, 1
_LITTLE_ENDIAN_32_BITS = (1, 1)


@dataclass(frozen=True)
class FirmwareImage:
    """What a programmer writes into the chip: flash from its base on, and the address where the code starts."""

    flash: bytes
    entry: int


def read_firmware(elf: bytes, architecture: str, memory: Memories) -> FirmwareImage:
    """The flash's content; DeploymentError where the ELF is damaged, for another CPU, or does not fit the flash."""
    if len(elf) < _HEADER.size or elf[:4] != b"\x7fELF":
        raise DeploymentError("the firmware is no ELF file; compile again")
    header = _HEADER.unpack_from(elf)
    machine, entry, table, entry_bytes, entries = header[5], header[7], header[8], header[12], header[13]
    if header[1:3] != _LITTLE_ENDIAN_32_BITS or header[4] != _EXECUTABLE or machine != MACHINES[architecture]:
        raise DeploymentError(f"the firmware is no executable for {architecture}; compile again for this target")
    if entry_bytes != _SEGMENT.size or table + entries * entry_bytes > len(elf):
        raise DeploymentError("the firmware's ELF is truncated or damaged; compile again")
    base, size = memory.flash.base.integer("address"), memory.flash.size.integer("memory")
    segments = []
    for index in range(entries):
        kind, offset, _, address, length, *_ = _SEGMENT.unpack_from(elf, table + index * entry_bytes)
        if kind != _LOAD or length == 0:
            continue
        if offset + length > len(elf):
            raise DeploymentError("the firmware's ELF is truncated; compile again")
        start = address - base
        if start < 0 or start + length > size:
            raise DeploymentError(
                f"the firmware has {length} bytes for 0x{address:08x}, outside the target's flash; compile again"
            )
        segments.append((start, elf[offset : offset + length]))
    flash = bytearray(max((start + len(data) for start, data in segments), default=0))
    for start, data in segments:
        flash[start : start + len(data)] = data
    if not base <= entry & ~1 < base + len(flash):
        raise DeploymentError(f"the firmware starts at 0x{entry:08x}, where it has no code; compile again")
    return FirmwareImage(bytes(flash), entry)
