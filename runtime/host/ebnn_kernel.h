/*
 * ebnn_kernel.h: the host's block kernels: many rows of weights against many gathered vectors at once.
 *
 * One file an instruction set, each with the same functions; ebnn_block_portable.c is the truth for all of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_KERNEL_H
#define EBNN_KERNEL_H

#include <stdbool.h>

#include "ebnn.h"
#include "ebnn_philox_rows.h"

/*
 * sums[v][r] += weight * dot of row r and vector v, modulo 2^32, where dot = (inputs that count) - 2 * (those among
 * them whose bit is unlike the weight's). An input counts where the mask has it and its weight is not zero.
 */
typedef struct ebnn_block {
    const uint32_t *sign;     /* rows x words */
    const uint32_t *nonzero;  /* rows x words; NULL: binary weights */
    const uint32_t *values;   /* vectors x values_stride words */
    const uint32_t *mask;     /* vectors x mask_stride words; NULL, for binary weights only: every input counts */
    const uint32_t *counting; /* binary weights: how many inputs of each vector count */
    size_t values_stride;     /* 0: one vector of values for all */
    size_t mask_stride;
    size_t rows;
    size_t vectors;
    uint32_t words;  /* of a row */
    uint32_t weight; /* of a bit plane; the complement of two where negative */
    uint32_t *sums;  /* vectors x sums_stride */
    size_t sums_stride;
} ebnn_block;

typedef struct ebnn_kernel {
    uint32_t word_multiple; /* rows are a multiple of so many words long */
    void (*add_dots)(const ebnn_block *block);
    /* one step a channel, as packed bits: ceil(channels / 32) whole words */
    void (*threshold_bits)(const ebnn_steps *steps, const uint32_t *sums, uint32_t channels, uint32_t *words);
    /* sums[i * sums_stride] = dot of the row and vector i, modulo 2^32; `length`, a multiple of 16, is that of both */
    void (*dot_values)(const int16_t *row, const int16_t *vectors, size_t length, size_t count, uint32_t *sums,
                       size_t sums_stride);
    ebnn_philox_kernel *philox_rows; /* random words for the reads of a chip with errors */
} ebnn_kernel;

extern const ebnn_kernel ebnn_kernel_portable;

#if defined(__x86_64__)
/* Only where ebnn_cpu_has_avx2(). */
extern const ebnn_kernel ebnn_kernel_avx2;
#endif

/* Whether processor and operating system can run AVX2 code. */
bool ebnn_cpu_has_avx2(void);

#endif
