"""Stores within an IT block: found by their encodings; the CPU gets them wrong, so who executes one is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from edgebnn.emulator.predicated import predicated_stores
from edgebnn.emulator.soc import Limits, Soc
from edgebnn.errors import DeploymentError
from edgebnn.network.types import Kind, Tensor, WeightKind
from tests.emulator.bare_metal import compile_elf
from tests.emulator.macro_driver import on_chip
from tests.networks import Builder

IT, ITT, ITTTT = 0xBF18, 0xBF1C, 0xBF1F
ADD = 0x3601  # adds r6, #1
WIDE_ADD = (0xF106, 0x0601)  # add.w r6, r6, #1

# The halfwords of an instruction as GNU as writes them for r1 to r4.
STORES = {
    "str r1, [r2]": (0x6011,),
    "strh r1, [r2]": (0x8011,),
    "strb r1, [r2]": (0x7011,),
    "str r1, [sp, #4]": (0x9101,),
    "str r1, [r2, r3]": (0x50D1,),
    "strh r1, [r2, r3]": (0x52D1,),
    "strb r1, [r2, r3]": (0x54D1,),
    "stmia r2!, {r1, r3}": (0xC20A,),
    "push {r1, r3}": (0xB40A,),
    "str.w r1, [r2, #200]": (0xF8C2, 0x10C8),
    "strh.w r2, [r1], #2": (0xF821, 0x2B02),
    "strb.w r1, [r2, #1]!": (0xF802, 0x1F01),
    "strd r1, r3, [r2]": (0xE9C2, 0x1300),
    "stmdb r2!, {r1, r3}": (0xE922, 0x000A),
    "strex r3, r1, [r2]": (0xE842, 0x1300),
    "vstr s0, [r2]": (0xED82, 0x0A00),
}
OTHERS = {
    "ldr r1, [r2]": (0x6811,),
    "ldrh r1, [r2, r3]": (0x5AD1,),
    "ldrsb r1, [r2, r3]": (0x56D1,),
    "ldmia r2!, {r1, r3}": (0xCA0A,),
    "pop {r1, r3}": (0xBC0A,),
    "ldr.w r1, [r2, #200]": (0xF8D2, 0x10C8),
    "ldrd r1, r3, [r2]": (0xE9D2, 0x1300),
    "ldmdb r2!, {r1, r3}": (0xE932, 0x000A),
    "vldr s0, [r2]": (0xED92, 0x0A00),
    "vmov s0, s1, r1, r2": (0xEC42, 0x1A10),
    "mul r1, r2, r3": (0xFB02, 0xF103),
    "mov r1, r2": (0x4611,),
    "add r1, sp, #4": (0xA901,),
}


def _code(*halfwords: int) -> bytes:
    return struct.pack(f"<{len(halfwords)}H", *halfwords)


@pytest.mark.parametrize("name", list(STORES))
def test_a_store_is_found_wherever_it_stands_in_its_block(name: str) -> None:
    store = STORES[name]
    assert predicated_stores(_code(IT, *store)).tolist() == [0]
    assert predicated_stores(_code(ADD, ITT, ADD, *store)).tolist() == [2]
    assert predicated_stores(_code(ITTTT, *WIDE_ADD, ADD, *WIDE_ADD, *store)).tolist() == [0]
    assert predicated_stores(_code(IT, ADD, *store)).tolist() == []  # behind the block
    assert predicated_stores(_code(ITT, *WIDE_ADD, ADD, *store)).tolist() == []
    assert predicated_stores(_code(0xBF00, *store)).tolist() == []  # nop


@pytest.mark.parametrize("name", list(OTHERS))
def test_what_stores_nothing_is_let_through(name: str) -> None:
    assert predicated_stores(_code(ITTTT, *OTHERS[name] * 4)).tolist() == []


def test_a_block_at_the_end_of_the_flash_is_no_error() -> None:
    assert predicated_stores(_code(ITTTT)).tolist() == predicated_stores(b"").tolist() == []
    assert predicated_stores(_code(ITTTT, *STORES["strd r1, r3, [r2]"])[:-1]).tolist() == [0]


BODY = """
static unsigned input[4];
unsigned area[16];
int main(void) {{
    MAILBOX(4) = (unsigned)input; MAILBOX(8) = (unsigned)area; MAILBOX(0) = 1;
    for (;;) {{
        __asm__ volatile("ldr r0, =area\\n movs r3, #5\\n movs r2, #1\\n 1: tst r3, #1\\n {block}\\n"
                         "lsrs r3, r3, #1\\n add r2, #4\\n bne 1b" ::: "r0", "r1", "r2", "r3", "cc", "memory");
        MAILBOX(12) = 0;
    }}
}}
"""


def _scores(block: str) -> int:
    builder = Builder(Tensor("x", Kind.TRITS, (1,), -1, 1), np.random.default_rng(2))
    builder.linear(1, WeightKind.TERNARY)
    elf = compile_elf("cortex-m4", BODY.format(block=block))
    mapped = on_chip(builder.network(), "cortex-m4")
    with Soc(mapped, elf, limits=Limits(instructions=500_000, seconds=20.0)) as soc:
        soc.boot()
        return int(soc.infer(np.zeros((1, 1)))[0].item())


@pytest.mark.parametrize(
    "block", ["it ne\\n strne r2, [r0]", "itte ne\\n movne r1, r2\\n strhne r1, [r0], #2\\n moveq r1, r2"]
)
def test_a_firmware_that_executes_one_is_refused(block: str) -> None:
    with pytest.raises(DeploymentError, match=r"stores within an IT block.*; compile again$"):
        _scores(block)


def test_bytes_that_only_look_like_one_are_data_and_hurt_nobody() -> None:
    """A literal of an IT instruction with a store behind it, which code reads and jumps over."""
    block = "ldr r1, 3f\\n str r1, [r0]\\n b 2f\\n .balign 4\\n 3: .word 0x6002bf18\\n 2:"
    assert _scores(block) == 0x6002BF18
