/*
 * ebnn_flips_kernel.h: the wrong synapses of eight rows at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_FLIPS_KERNEL_H
#define EBNN_FLIPS_KERNEL_H

#include "ebnn_flips.h"

#define EBNN_FLIP_ROWS 8
#define EBNN_FLIP_SLICES 32
#define EBNN_BLOCK_SLICES 4

/* `masks`, bit = column: whether u is at most `limit`. bank_row: bank << 5 | row of each row. */
typedef void ebnn_flips_kernel(const ebnn_flips *flips, uint32_t limit, const uint32_t bank_row[EBNN_FLIP_ROWS],
                               uint32_t masks[EBNN_FLIP_ROWS]);

ebnn_flips_kernel ebnn_flips_portable;

#if defined(__x86_64__)
/* Only where ebnn_cpu_has_avx2(). */
ebnn_flips_kernel ebnn_flips_avx2;
#endif

/* All bits set where bit slice `slice` of the limit is. */
static inline uint32_t ebnn_limit_slice(uint32_t limit, uint32_t slice)
{
    return (uint32_t)0 - (limit >> (EBNN_FLIP_SLICES - 1 - slice) & 1);
}

#endif
