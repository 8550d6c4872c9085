/*
 * ebnn_philox_rows.h: Philox for eight rows at a time, on whatever registers the processor has.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_PHILOX_ROWS_H
#define EBNN_PHILOX_ROWS_H

#include <stdint.h>

#define EBNN_DRAWN_ROWS 8

/* Counters, and then the random words in their place: words[w][i] is word w of row i. */
typedef struct ebnn_drawn {
    uint32_t words[4][EBNN_DRAWN_ROWS];
} ebnn_drawn;

typedef void ebnn_philox_kernel(ebnn_drawn *drawn, uint64_t seed);

ebnn_philox_kernel ebnn_philox_rows_portable;

#if defined(__x86_64__)
/* Only where ebnn_cpu_has_avx2(). */
ebnn_philox_kernel ebnn_philox_rows_avx2;
#endif

#endif
