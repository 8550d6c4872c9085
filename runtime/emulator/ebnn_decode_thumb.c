/*
 * ebnn_decode_thumb.c: the loads and stores of Armv7-M, and its IT instruction.
 *
 * Encodings: Armv7-M Architecture Reference Manual (DDI 0403), A5.2 (16 bits), A5.3 (32 bits), A7.7 (each instruction).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdbool.h>

#include "ebnn_emulated_bits.h"
#include "ebnn_instruction.h"

enum { SP = 13, PC = 15 };

static const ebnn_instruction PLAIN = {EBNN_PLAIN, 0, EBNN_NO_REGISTER, EBNN_NO_REGISTER, 0, 0};

static uint32_t halfword(const uint8_t *code, uint64_t bytes, uint64_t at)
{
    return at + 2 <= bytes ? ebnn_emulated_load(code + at, 2) : 0;
}

static bool is_wide(uint32_t first)
{
    return first >> 11 >= 0x1d;
}

static ebnn_instruction access(bool load, uint32_t words, uint32_t base, uint32_t offset)
{
    const ebnn_instruction found = {
        load ? EBNN_LOAD : EBNN_STORE, (uint8_t)words, (uint8_t)base, EBNN_NO_REGISTER, 0, offset};

    return words == 0 ? PLAIN : found;
}

static ebnn_instruction indexed(bool load, uint32_t base, uint32_t index, uint32_t shift)
{
    const ebnn_instruction found = {load ? EBNN_LOAD : EBNN_STORE, 1, (uint8_t)base, (uint8_t)index, (uint8_t)shift, 0};

    return found;
}

static uint32_t signed_by(uint32_t up, uint32_t magnitude)
{
    return up != 0 ? magnitude : 0 - magnitude;
}

/* An access whose base is the PC knows its address. */
static ebnn_instruction resolved(ebnn_instruction found, uint32_t pc)
{
    if (found.base == PC) {
        found.base = EBNN_NO_REGISTER;
        found.offset += found.index == EBNN_NO_REGISTER ? pc & ~3u : pc;
    }
    return found;
}

static ebnn_instruction it_block(uint32_t first, const uint8_t *code, uint64_t bytes, uint32_t address)
{
    ebnn_instruction found = PLAIN;
    uint64_t end = 2;

    /* The lowest bit set of the mask ends the block. */
    for (uint32_t mask = first & 0xf; mask != 0; mask = mask << 1 & 0xf) {
        end += is_wide(halfword(code, bytes, end)) ? 4 : 2;
    }
    found.kind = EBNN_IT_BLOCK;
    found.offset = address + (uint32_t)end;
    return found;
}

static ebnn_instruction narrow(uint32_t first)
{
    const bool load = (first >> 11 & 1) != 0;
    const uint32_t base = first >> 3 & 7, index = first >> 6 & 7, immediate = first >> 6 & 31;

    switch (first >> 12) {
    case 4: /* LDR (literal), behind arithmetic */
        return load ? access(true, 1, PC, 4 * (first & 0xff)) : PLAIN;
    case 5: /* register offset; STR, STRH, STRB come first, then the loads */
        return indexed((first >> 9 & 7) >= 3, base, index, 0);
    case 6:
        return access(load, 1, base, 4 * immediate);
    case 7:
        return access(load, 1, base, immediate);
    case 8:
        return access(load, 1, base, 2 * immediate);
    case 9:
        return access(load, 1, SP, 4 * (first & 0xff));
    case 11: /* PUSH and POP, among others */
        if ((first & 0xf600) == 0xb400) {
            const uint32_t words = ebnn_emulated_popcount(first & 0x1ff);

            return access(load, words, SP, load ? 0 : 0 - 4 * words);
        }
        return PLAIN;
    case 12: /* STM and LDM */
        return access(load, ebnn_emulated_popcount(first & 0xff), first >> 8 & 7, 0);
    default:
        return PLAIN;
    }
}

/* LDM, STM, with their ways to go downwards. */
static ebnn_instruction multiple(uint32_t first, uint32_t words)
{
    const bool load = (first >> 4 & 1) != 0;
    const uint32_t direction = first >> 7 & 3;

    if (direction != 1 && direction != 2) {
        return PLAIN; /* SRS and RFE, which Armv7-M lacks */
    }
    return access(load, words, first & 15, direction == 2 ? 0 - 4 * words : 0);
}

/* LDRD, STRD; LDREX, STREX and their kin; TBB, TBH. */
static ebnn_instruction dual_or_exclusive(uint32_t first, uint32_t second)
{
    const bool load = (first >> 4 & 1) != 0, before = (first >> 8 & 1) != 0, writes_back = (first >> 5 & 1) != 0;
    const uint32_t base = first & 15, up = first >> 7 & 1, offset = 4 * (second & 0xff), operation = second >> 4 & 15;

    if (before || writes_back) {
        return access(load, 2, base, before ? signed_by(up, offset) : 0);
    }
    if (up == 0) {
        return access(load, 1, base, offset); /* LDREX, STREX */
    }
    if (load && operation < 2) {
        return indexed(true, base, second & 15, operation); /* TBB, TBH */
    }
    return operation == 4 || operation == 5 ? access(load, 1, base, 0) : PLAIN;
}

/* LDR, STR and their narrow forms. */
static ebnn_instruction single(uint32_t first, uint32_t second)
{
    const bool load = (first >> 4 & 1) != 0, sign = (first >> 8 & 1) != 0;
    const uint32_t size = first >> 5 & 3, up = first >> 7 & 1, base = first & 15;

    if (size == 3 || (sign && (!load || size == 2))) {
        return PLAIN; /* undefined */
    }
    if (load && size != 2 && second >> 12 == PC) {
        return PLAIN; /* PLD, PLI and hints: they may do nothing at all */
    }
    if (load && base == PC) {
        return access(true, 1, PC, signed_by(up, second & 0xfff));
    }
    if (up != 0) {
        return access(load, 1, base, second & 0xfff);
    }
    if ((second & 0x800) != 0) { /* offset, before or after; with or without write-back */
        return access(load, 1, base, (second & 0x400) != 0 ? signed_by(second >> 9 & 1, second & 0xff) : 0);
    }
    return (second & 0xfc0) == 0 ? indexed(load, base, second & 15, second >> 4 & 3) : PLAIN;
}

/* VLDR, VSTR, VLDM, VSTM. */
static ebnn_instruction of_the_fpu(uint32_t first, uint32_t second)
{
    const bool load = (first >> 4 & 1) != 0, doubles = (second >> 8 & 1) != 0;
    const uint32_t before = first >> 8 & 1, up = first >> 7 & 1, writes_back = first >> 5 & 1;
    const uint32_t base = first & 15, count = second & 0xff;

    if ((second & 0xe00) != 0xa00 || (before | up | writes_back) == 0) {
        return PLAIN; /* another coprocessor, or a transfer between registers */
    }
    if (before != 0 && writes_back == 0) {
        return access(load, doubles ? 2 : 1, base, signed_by(up, 4 * count));
    }
    return access(load, doubles ? count & ~1u : count, base, before != 0 ? 0 - 4 * count : 0);
}

static ebnn_instruction wide(uint32_t first, uint32_t second)
{
    switch (first >> 9) {
    case 0x74: /* 1110 100x */
        return (first & 0x40) == 0 ? multiple(first, ebnn_emulated_popcount(second)) : dual_or_exclusive(first, second);
    case 0x7c: /* 1111 100x */
        return single(first, second);
    case 0x76: /* 1110 110x */
        return of_the_fpu(first, second);
    default:
        return PLAIN;
    }
}

ebnn_instruction ebnn_decode_thumb(const uint8_t *code, uint64_t bytes, uint32_t address)
{
    const uint32_t first = halfword(code, bytes, 0);

    if ((first & 0xff00) == 0xbf00 && (first & 0xf) != 0) {
        return it_block(first, code, bytes, address);
    }
    return resolved(is_wide(first) ? wide(first, halfword(code, bytes, 2)) : narrow(first), address + 4);
}
