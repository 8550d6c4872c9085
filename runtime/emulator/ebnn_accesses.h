/*
 * ebnn_accesses.h: instructions that have to be decoded, or whose address has to be computed, before they are counted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_ACCESSES_H
#define EBNN_ACCESSES_H

#include "ebnn_soc.h"

/* A byte about an instruction; most need no more. From SRAM and FLASH on: so many accesses of up to 32 bits of it. */
enum {
    EBNN_BRIEF_UNDECODED = 0,
    EBNN_BRIEF_PLAIN = 1,
    EBNN_BRIEF_ASK = 2, /* its ebnn_instruction says how to find out */
    EBNN_BRIEF_SRAM = 3,
    EBNN_BRIEF_FLASH = 128
};

/* Counts the accesses of the instruction at an offset into flash, or notes the IT block that it begins. */
void ebnn_soc_count_accesses(ebnn_soc *soc, ebnn_engine *engine, uint64_t offset);

#endif
