"""What an instruction reads and writes, by its encoding: the halfwords are those of GNU as."""

from __future__ import annotations

import struct

import pytest

from edgebnn.emulator.structs import Instruction, emulator_library

PLAIN, LOAD, STORE, IT_BLOCK = 1, 2, 3, 4
SP, NONE = 13, 255
ADDRESS = 0x1002  # no multiple of 4, to which the PC is rounded for literals

# Halfwords: kind, words, base, index, shift, offset.
THUMB = {
    "str r1, [r2]": ((0x6011,), (STORE, 1, 2, NONE, 0, 0)),
    "ldr r1, [r2, #124]": ((0x6FD1,), (LOAD, 1, 2, NONE, 0, 124)),
    "strb r1, [r2, #31]": ((0x77D1,), (STORE, 1, 2, NONE, 0, 31)),
    "ldrh r1, [r2, #62]": ((0x8FD1,), (LOAD, 1, 2, NONE, 0, 62)),
    "str r1, [sp, #4]": ((0x9101,), (STORE, 1, SP, NONE, 0, 4)),
    "ldr r2, [pc, #4]": ((0x4A01,), (LOAD, 1, NONE, NONE, 0, 0x1008)),
    "strb r1, [r2, r3]": ((0x54D1,), (STORE, 1, 2, 3, 0, 0)),
    "ldrsb r1, [r2, r3]": ((0x56D1,), (LOAD, 1, 2, 3, 0, 0)),
    "stmia r2!, {r1, r3}": ((0xC20A,), (STORE, 2, 2, NONE, 0, 0)),
    "ldmia r2!, {r1, r3}": ((0xCA0A,), (LOAD, 2, 2, NONE, 0, 0)),
    "push {r1, r3, lr}": ((0xB50A,), (STORE, 3, SP, NONE, 0, -12)),
    "pop {r1, r3, pc}": ((0xBD0A,), (LOAD, 3, SP, NONE, 0, 0)),
    "str.w r1, [r2, #200]": ((0xF8C2, 0x10C8), (STORE, 1, 2, NONE, 0, 200)),
    "strh.w r2, [r1], #2": ((0xF821, 0x2B02), (STORE, 1, 1, NONE, 0, 0)),
    "strb.w r1, [r2, #1]!": ((0xF802, 0x1F01), (STORE, 1, 2, NONE, 0, 1)),
    "ldr.w r1, [r2, #-8]": ((0xF852, 0x1C08), (LOAD, 1, 2, NONE, 0, -8)),
    "ldr.w r3, [r1, r2, lsl #2]": ((0xF851, 0x3022), (LOAD, 1, 1, 2, 2, 0)),
    "ldr.w r3, [pc, #-8]": ((0xF85F, 0x3008), (LOAD, 1, NONE, NONE, 0, 0xFFC)),
    "pld [r2, #4]": ((0xF892, 0xF004), (PLAIN, 0, NONE, NONE, 0, 0)),
    "strd r1, r3, [r2, #-8]": ((0xE942, 0x1302), (STORE, 2, 2, NONE, 0, -8)),
    "ldrd r1, r3, [r2], #8": ((0xE8F2, 0x1302), (LOAD, 2, 2, NONE, 0, 0)),
    "stmdb r2!, {r1, r3}": ((0xE922, 0x000A), (STORE, 2, 2, NONE, 0, -8)),
    "ldmia.w r1!, {r4, lr}": ((0xE8B1, 0x4010), (LOAD, 2, 1, NONE, 0, 0)),
    "strex r3, r1, [r2, #4]": ((0xE842, 0x1301), (STORE, 1, 2, NONE, 0, 4)),
    "ldrexb r1, [r2]": ((0xE8D2, 0x1F4F), (LOAD, 1, 2, NONE, 0, 0)),
    "tbb [pc, r3]": ((0xE8DF, 0xF003), (LOAD, 1, NONE, 3, 0, 0x1006)),
    "tbh [pc, r3, lsl #1]": ((0xE8DF, 0xF013), (LOAD, 1, NONE, 3, 1, 0x1006)),
    "vstr s0, [r2, #4]": ((0xED82, 0x0A01), (STORE, 1, 2, NONE, 0, 4)),
    "vldr d0, [r2, #-4]": ((0xED12, 0x0B01), (LOAD, 2, 2, NONE, 0, -4)),
    "vpush {d8, d9}": ((0xED2D, 0x8B04), (STORE, 4, SP, NONE, 0, -16)),
    "vldmia r2!, {s0-s2}": ((0xECB2, 0x0A03), (LOAD, 3, 2, NONE, 0, 0)),
    "vmov s0, s1, r1, r2": ((0xEC42, 0x1A10), (PLAIN, 0, NONE, NONE, 0, 0)),
    "mul r1, r2, r3": ((0xFB02, 0xF103), (PLAIN, 0, NONE, NONE, 0, 0)),
    "mov r1, r2": ((0x4611,), (PLAIN, 0, NONE, NONE, 0, 0)),
    "add r1, sp, #4": ((0xA901,), (PLAIN, 0, NONE, NONE, 0, 0)),
    "nop": ((0xBF00,), (PLAIN, 0, NONE, NONE, 0, 0)),
    "it ne, nop": ((0xBF18, 0xBF00), (IT_BLOCK, 0, NONE, NONE, 0, ADDRESS + 4)),
    "ittt ne, nop.w, nop, nop.w": (
        (0xBF1E, 0xF3AF, 0x8000, 0xBF00, 0xF3AF, 0x8000), (IT_BLOCK, 0, NONE, NONE, 0, ADDRESS + 12),
    ),
}  # fmt: skip

RISCV = {
    "lw a0, -4(a1)": ((0xA503, 0xFFC5), (LOAD, 1, 11, NONE, 0, -4)),
    "lbu a0, 2047(zero)": ((0x4503, 0x7FF0), (LOAD, 1, 0, NONE, 0, 2047)),
    "sh a0, 2(a1)": ((0x9123, 0x00A5), (STORE, 1, 11, NONE, 0, 2)),
    "sw a0, -2048(a1)": ((0xA023, 0x80A5), (STORE, 1, 11, NONE, 0, -2048)),
    "c.lw a0, 4(a1)": ((0x41C8,), (LOAD, 1, 11, NONE, 0, 4)),
    "c.sw a0, 124(a1)": ((0xDDE8,), (STORE, 1, 11, NONE, 0, 124)),
    "c.lwsp a0, 252(sp)": ((0x557E,), (LOAD, 1, 2, NONE, 0, 252)),
    "c.swsp a0, 252(sp)": ((0xDFAA,), (STORE, 1, 2, NONE, 0, 252)),
    "c.mv a0, a1": ((0x852E,), (PLAIN, 0, NONE, NONE, 0, 0)),
    "c.li a0, 3": ((0x450D,), (PLAIN, 0, NONE, NONE, 0, 0)),
    "add a0, a1, a2": ((0x8533, 0x00C5), (PLAIN, 0, NONE, NONE, 0, 0)),
}


@pytest.mark.parametrize("name", [*THUMB, *RISCV])
def test_an_instruction_accesses_what_its_encoding_says(name: str) -> None:
    library = emulator_library()
    decode, (halfwords, expected) = (
        (library.ebnn_decode_thumb, THUMB[name]) if name in THUMB else (library.ebnn_decode_riscv, RISCV[name])
    )
    found = decode(struct.pack(f"<{len(halfwords)}H", *halfwords), 2 * len(halfwords), ADDRESS)
    *fields, offset = expected
    assert [getattr(found, field) for field, _ in Instruction._fields_] == [*fields, offset & 0xFFFF_FFFF]


def test_what_the_memory_cuts_off_is_never_read() -> None:
    """The last halfword of flash may begin an instruction that has no end; an IT block may have none either."""
    library = emulator_library()
    assert library.ebnn_decode_thumb(b"\x42\xe8", 2, ADDRESS).kind == STORE
    assert library.ebnn_decode_thumb(b"\x1f\xbf", 2, ADDRESS).kind == IT_BLOCK
    assert library.ebnn_decode_riscv(b"\x03\xa5", 2, ADDRESS).kind in (PLAIN, LOAD)
