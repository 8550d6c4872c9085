"""A Cortex-M4 program of many small cases around IT blocks, for the emulated chip and for QEMU's board."""

from __future__ import annotations

from dataclasses import dataclass

Counts = tuple[int, int, int]  # instructions, words of SRAM, words of flash


@dataclass(frozen=True)
class Case:
    """What runs behind `cmp r2, #0`, and what that takes where r2 is 0 and where it is 1."""

    body: str
    zero: Counts
    one: Counts


# r0 points to 16 words of SRAM, r1 to constants in flash; r3 to r6 are 7, 1, 2, 3, and r3 is the answer.
CASES = {
    "nothing": Case("", (0, 0, 0), (0, 0, 0)),
    "a store": Case("it ne; strne r3, [r0]", (1, 0, 0), (2, 1, 0)),
    "narrow stores, the address moves": Case(
        "itt ne; strhne r3, [r0], #2; strbne r3, [r0, #9]!; str r3, [r0]", (2, 1, 0), (4, 3, 0)
    ),
    "a load from SRAM": Case("it eq; ldreq r3, [r0, #20]", (2, 1, 0), (1, 0, 0)),
    "a load from flash": Case("it ne; ldrne r3, [r1, #4]", (1, 0, 0), (2, 0, 1)),
    "a load from either": Case("ite ne; ldrne r3, [r1]; ldreq r3, [r0, #4]", (2, 1, 0), (2, 0, 1)),
    "four": Case(
        "itete ne; ldrne r3, [r1, #4]; streq r4, [r0]; strne r3, [r0, #8]; ldreq r3, [r0, #12]", (3, 2, 0), (3, 1, 1)
    ),
    "signed and narrow loads": Case("itt ne; ldrsbne r3, [r1, #4]; ldrhne r4, [r0]", (1, 0, 0), (3, 1, 1)),
    "registers as offsets": Case(
        "itt ne; ldrne r3, [r1, r2, lsl #2]; strne r3, [r0, r2]", (1, 0, 0), (3, 1, 1)
    ),
    "many at once": Case("itt ne; ldmiane r1, {r4, r5, r6}; stmiane r0!, {r4, r5, r6}", (1, 0, 0), (3, 3, 3)),
    "downwards": Case(
        "add r0, #16; add r1, #16; itt ne; stmdbne r0!, {r4, r5}; ldmdbne r1, {r3, r4}", (3, 0, 0), (5, 2, 2)
    ),
    "the stack": Case("itt ne; pushne {r0, r1, r3}; popne {r4, r5, r6}; str r6, [r0]", (2, 1, 0), (4, 7, 0)),
    "two registers": Case("itt ne; ldrdne r4, r3, [r1, #8]; strdne r4, r3, [r0, #8]!", (1, 0, 0), (3, 2, 2)),
    "exclusively": Case("itt ne; ldrexne r4, [r0, #4]; strexne r3, r4, [r0, #4]", (1, 0, 0), (3, 2, 0)),
    "a literal": Case("itt ne; ldrne r3, =0x12345678; strne r3, [r0, #4]", (1, 0, 0), (3, 1, 1)),
    "a table of branches": Case(
        "tbb [pc, r2]; 2: .byte (3f-2b)/2, (4f-2b)/2; 3: ldr r3, [r0, #8]; 4: nop", (3, 1, 1), (2, 0, 1)
    ),
    "the block's own compare": Case("itte ne; cmpne r3, #7; strne r3, [r0]; moveq r3, #1", (2, 0, 0), (3, 0, 0)),
    "a branch ends it": Case("itt ne; ldrne r3, [r0, #4]; bne 1f; ldr r3, [r1]; 1: str r3, [r0]", (3, 1, 1), (4, 2, 0)),
    "a return ends it": Case(
        "itt ne; movne r0, r4; popne {r4-r7, pc}; ldr r3, [r1]; str r3, [r0]", (3, 1, 1), (1, 0, 0)
    ),
    "a listing loop": Case(  # of the bits of 13
        "movs r4, #13; movs r5, #0; 1: lsrs r4, #1; itt cs; strhcs r5, [r0], #2; addcs r3, #1; add r5, #1; cmp r4, #0; "
        "bne 1b",
        (28, 3, 0), (28, 3, 0),
    ),
    "a block across pages": Case(
        "b 1f; .ltorg; .balign 4096; .space 4092; 1: itte ne; strne r3, [r0]; ldrne r3, [r1]; ldreq r3, [r0]",
        (3, 1, 0), (4, 1, 1),
    ),
    "the first store to a page": Case(  # behind which the block's condition no longer holds
        "add r0, #16384; itt ne; strne r3, [r0]; strne r3, [r0, #4]; cmp r3, r3; b 1f; 1: add r3, #5; add r3, #9",
        (6, 0, 0), (8, 2, 0),
    ),
    "the first load from a page": Case(
        "add r0, #20480; it ne; ldrne r4, [r0]; cmp r3, r3; b 1f; 1: add r3, #5; add r3, #9", (6, 0, 0), (7, 1, 0)
    ),
}  # fmt: skip

# `run` starts every case from the same memory and answers a checksum of what it leaves.
PROGRAM = """
unsigned area[16];
const unsigned constants[] = {{0x11111111, 0x82222222, 0x33333333, 0x44444444, 0x55555555}};
{functions}
typedef unsigned function(unsigned, unsigned, unsigned);
static function *const all[] = {{ {names} }};
static const char *const ends[] = {{ {ends} }};
static unsigned run(unsigned number, unsigned flag) {{
    unsigned sum;
    for (unsigned i = 0; i < 16; i++) ((volatile unsigned *)area)[i] = i;
    sum = all[number](0, 0, flag);
    for (unsigned i = 0; i < 16; i++) sum = (sum << 5 | sum >> 27) ^ ((volatile unsigned *)area)[i];
    return sum;
}}
"""

FUNCTION = """
extern unsigned case{number}(unsigned, unsigned, unsigned);
extern const char end{number}[];
__asm__(".section .text.case{number}, \\"ax\\"\\n.balign 4\\n.thumb_func\\n.globl case{number}\\ncase{number}:\\n"
        "push {{r4-r7, lr}}\\nldr r0, =area\\nldr r1, =constants\\nmovs r3, #7\\nmovs r4, #1\\nmovs r5, #2\\n"
        "movs r6, #3\\ncmp r2, #0\\n{body}\\nmov r0, r3\\npop {{r4-r7, pc}}\\n.ltorg\\n"
        ".globl end{number}\\nend{number}:\\n.text\\n");
"""

# The input picks the case and the flag.
ON_CHIP = """
static unsigned char input[4];
static unsigned score;
int main(void) {
    MAILBOX(4) = (unsigned)input; MAILBOX(8) = (unsigned)&score; MAILBOX(0) = 1;
    for (;;) {
        const unsigned pick = *(volatile unsigned char *)input;
        score = run(pick / 2, pick % 2);
        MAILBOX(12) = 0;
    }
}
"""

# Semihosting: a line for each score, then one for where each case begins and ends.
ON_BOARD = """
static char line[10];
static void call(unsigned operation, const void *argument) {
    register unsigned r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}
static void print(unsigned value) {
    for (unsigned i = 0; i < 8; i++) line[i] = (char)("0123456789abcdef"[value >> (28 - 4 * i) & 15]);
    line[8] = '\\n'; line[9] = 0;
    call(4, line);
}
int main(void) {
    static unsigned end[2];
    const unsigned count = sizeof all / sizeof all[0];
    for (unsigned pick = 0; pick < 2 * count; pick++) print(run(pick / 2, pick % 2));
    for (unsigned i = 0; i < count; i++) { print((unsigned)all[i] & ~1u); print((unsigned)ends[i]); }
    end[0] = 0x20026; end[1] = 0;
    call(0x20, end);
    for (;;) ;
}
"""


def source(main: str) -> str:
    """The C text of all cases with a `main`, ON_CHIP or ON_BOARD."""
    bodies = (case.body.replace("; ", "\\n") for case in CASES.values())
    functions = "".join(FUNCTION.format(number=number, body=body) for number, body in enumerate(bodies))
    names, ends = (", ".join(f"{word}{number}" for number in range(len(CASES))) for word in ("case", "end"))
    return PROGRAM.format(functions=functions, names=names, ends=ends) + main
