/*
 * ebnn_decode_riscv.c: the loads and stores of RV32I and of its compressed extension.
 *
 * Encodings: The RISC-V Instruction Set Manual, volume I, chapters RV32I and C.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdbool.h>

#include "ebnn_emulated_bits.h"
#include "ebnn_instruction.h"

enum { SP = 2 };

static const ebnn_instruction PLAIN = {EBNN_PLAIN, 0, EBNN_NO_REGISTER, EBNN_NO_REGISTER, 0, 0};

static ebnn_instruction access(bool load, uint32_t base, uint32_t offset)
{
    const ebnn_instruction found = {load ? EBNN_LOAD : EBNN_STORE, 1, (uint8_t)base, EBNN_NO_REGISTER, 0, offset};

    return found;
}

/* `count` bits of `code` from bit `from` on, moved to bit `to`. */
static uint32_t bits(uint32_t code, unsigned from, unsigned count, unsigned to)
{
    return (code >> from & ((1u << count) - 1)) << to;
}

static uint32_t sign_extended(uint32_t immediate12)
{
    return (immediate12 ^ 0x800) - 0x800;
}

static ebnn_instruction compressed(uint32_t code)
{
    const uint32_t operation = code >> 13;
    const bool load = operation == 2;

    if (operation != 2 && operation != 6) {
        return PLAIN;
    }
    switch (code & 3) {
    case 0: /* C.LW, C.SW: of the eight registers from x8 on */
        return access(load, 8 + bits(code, 7, 3, 0), bits(code, 10, 3, 3) | bits(code, 6, 1, 2) | bits(code, 5, 1, 6));
    case 2: /* C.LWSP, C.SWSP */
        return load ? access(true, SP, bits(code, 12, 1, 5) | bits(code, 4, 3, 2) | bits(code, 2, 2, 6))
                    : access(false, SP, bits(code, 9, 4, 2) | bits(code, 7, 2, 6));
    default:
        return PLAIN;
    }
}

ebnn_instruction ebnn_decode_riscv(const uint8_t *code, uint64_t bytes, uint32_t address)
{
    const uint32_t word = ebnn_emulated_load(code, bytes >= 4 ? 4 : 2);

    (void)address;
    if ((word & 3) != 3) {
        return compressed(word & 0xffff);
    }
    switch (word & 0x7f) {
    case 0x03:
        return access(true, bits(word, 15, 5, 0), sign_extended(word >> 20));
    case 0x23:
        return access(false, bits(word, 15, 5, 0), sign_extended(bits(word, 25, 7, 5) | bits(word, 7, 5, 0)));
    default:
        return PLAIN;
    }
}
