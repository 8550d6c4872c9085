/*
 * ebnn_kernel.h: the host's kernels: panels of weights against many vectors of inputs at once.
 *
 * A panel holds several neurons side by side, so that they are the lanes of a register and no sum runs across one. One
 * file an instruction set, each with the same functions; ebnn_panels_portable.c is the truth for all of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_KERNEL_H
#define EBNN_KERNEL_H

#include <stdbool.h>

#include "ebnn.h"
#include "ebnn_nibbles.h"
#include "ebnn_philox_rows.h"

#define EBNN_PANEL_ROWS 32

/* What an octet of weights, a bit each, makes of eight inputs that are bits or trits. */
typedef enum ebnn_octets {
    EBNN_UNLIKE, /* how many of the inputs that count are unlike the weight: at most 8 */
    EBNN_SUM     /* 8, and of the inputs that count and whose weight's bit is set those of +1, less those of -1 */
} ebnn_octets;

/* sums[v][r] += factor * (what all octets of row r make of vector v), modulo 2^32. */
typedef struct ebnn_bit_panels {
    const uint8_t
        *weights;         /* panel after panel: octet after octet, a byte of each of its rows, 0 behind the last row */
    const uint8_t *codes; /* vectors x codes_stride: two of ebnn_nibbles.h an octet */
    size_t codes_stride;
    size_t rows;
    size_t vectors;
    uint32_t octets;
    ebnn_octets kind;
    uint32_t factor;
    uint32_t *sums; /* vectors x sums_stride */
    size_t sums_stride;
} ebnn_bit_panels;

/* sums[v][r] += factor * (the values of vector v whose weight's bit is set in row r, added up), modulo 2^32. */
typedef struct ebnn_byte_panels {
    const uint8_t *weights; /* as above */
    const uint8_t *values;  /* vectors x values_stride: eight an octet */
    size_t values_stride;
    size_t rows;
    size_t vectors;
    uint32_t octets;
    uint32_t factor;
    uint32_t *sums; /* vectors x sums_stride */
    size_t sums_stride;
} ebnn_byte_panels;

typedef struct ebnn_kernel {
    void (*add_bits)(const ebnn_bit_panels *work);
    void (*add_bytes)(const ebnn_byte_panels *work);
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
