/*
 * ebnn_turns_kernel.h: eight rows of one law at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_TURNS_KERNEL_H
#define EBNN_TURNS_KERNEL_H

#include <stdbool.h>

#include "ebnn_turns.h"

#define EBNN_TURN_ROWS 8
#define EBNN_TURN_SLICES 32
#define EBNN_BLOCK_SLICES 4

/* Rows and their weights, which the kernel replaces by what becomes of them. */
typedef struct ebnn_turned {
    uint32_t bank_row[EBNN_TURN_ROWS];
    uint32_t sign[EBNN_TURN_ROWS];
    uint32_t nonzero[EBNN_TURN_ROWS];
} ebnn_turned;

typedef void ebnn_turns_kernel(const ebnn_turns *turns, const ebnn_law *law, ebnn_turned *rows);

ebnn_turns_kernel ebnn_turns_portable;

#if defined(__x86_64__)
/* Only where ebnn_cpu_has_avx2(). */
ebnn_turns_kernel ebnn_turns_avx2;
#endif

/* Bit slice `slice` of (threshold - 1) as a whole word; what is never below its threshold is said by ebnn_may_be. */
static inline uint32_t ebnn_slice_of(uint64_t threshold, uint32_t slice)
{
    return threshold == 0 ? 0 : (uint32_t)0 - ((uint32_t)(threshold - 1) >> (EBNN_TURN_SLICES - 1 - slice) & 1);
}

static inline uint32_t ebnn_may_be(uint64_t threshold)
{
    return threshold == 0 ? 0 : UINT32_MAX;
}

/* Whether signs turn into signs alone, so that both thresholds are one. */
static inline bool ebnn_law_of_signs(const ebnn_law *law)
{
    return law->minus[0] == law->at_most_zero[0] && law->minus[2] == law->at_most_zero[2];
}

#endif
