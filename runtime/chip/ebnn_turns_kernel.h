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
#define EBNN_PAIR_SLICES (2 * EBNN_BLOCK_SLICES) /* of two blocks, which are drawn at once */
#define EBNN_TURN_PAIRS (EBNN_TURN_SLICES / EBNN_PAIR_SLICES)

/* A law in bit slices, by what a weight is now, each as a whole word: see ebnn_slice_of and ebnn_may_be. */
typedef struct ebnn_sliced_law {
    uint32_t minus[EBNN_TURN_SLICES][EBNN_TURN_VALUES];
    uint32_t at_most_zero[EBNN_TURN_SLICES][EBNN_TURN_VALUES];
    uint32_t may_be_minus[EBNN_TURN_VALUES];
    uint32_t may_be_zero[EBNN_TURN_VALUES];
    bool signs; /* signs turn into signs alone, so that both thresholds of theirs are one */
} ebnn_sliced_law;

/* Rows and their weights, and where what becomes of them goes, which may be in their place. */
typedef struct ebnn_turned {
    const uint32_t *bank_row;
    const uint32_t *sign;
    const uint32_t *nonzero;
    uint32_t *found_sign;
    uint32_t *found_nonzero; /* or NULL */
} ebnn_turned;

/*
 * EBNN_TURN_ROWS rows of one law, by at most `pairs` pairs of blocks. Answers bit = row: those with columns that are not
 * decided by these; what is found of such rows means nothing.
 */
typedef uint32_t ebnn_turns_kernel(const ebnn_turns *turns, const ebnn_sliced_law *law, const ebnn_turned *rows,
                                   uint32_t pairs);

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

#endif
