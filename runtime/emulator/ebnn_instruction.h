/*
 * ebnn_instruction.h: what counting has to know of an instruction: which memory it reads or writes, and how much of it.
 *
 * The emulated CPU is not asked: hooks on its memory accesses make unicorn 2.1 restore the state of the instruction at
 * hand, the condition of an IT block with it, which then governs whatever runs behind the block.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_INSTRUCTION_H
#define EBNN_INSTRUCTION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    EBNN_UNDECODED = 0,
    EBNN_PLAIN = 1,    /* accesses no memory */
    EBNN_LOAD = 2,     /* reads `words` of memory, the lowest at its address */
    EBNN_STORE = 3,    /* writes them; a store exclusive counts as one whether or not it succeeds */
    EBNN_IT_BLOCK = 4, /* the up to four instructions in front of `offset` run under a condition */
    EBNN_NO_REGISTER = 255
};

/* The address of a load or store is offset + base + (index << shift), modulo 2^32. */
typedef struct ebnn_instruction {
    uint8_t kind;
    uint8_t words; /* accesses of up to 32 bits */
    uint8_t base;  /* a register's number, or none */
    uint8_t index;
    uint8_t shift;
    uint32_t offset;
} ebnn_instruction;

/* Decodes the instruction at `address`, of whose memory `bytes` (2 or more) are at `code`. */
typedef ebnn_instruction ebnn_decoder(const uint8_t *code, uint64_t bytes, uint32_t address);

ebnn_decoder ebnn_decode_thumb; /* Armv7-M with the single- and double-precision loads and stores of its FPU */
ebnn_decoder ebnn_decode_riscv; /* RV32IMC */

#ifdef __cplusplus
}
#endif

#endif
