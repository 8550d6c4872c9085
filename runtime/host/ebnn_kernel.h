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

/* Rows of weights that are bits or trits, against vectors of inputs that are bits or trits. */
typedef struct ebnn_bit_panels {
    /* Panel after panel: octet after octet, a byte of each of its rows, 0 behind the last row. */
    const uint8_t *plus;  /* which weights are +1 */
    const uint8_t *minus; /* which are -1; NULL: all that are not +1 */
    const uint8_t *codes; /* vectors x codes_stride: two of ebnn_nibbles.h an octet */
    size_t codes_stride;
    size_t rows;
    size_t vectors;
    uint32_t octets; /* a multiple of 4 */
    uint32_t factor;
    uint32_t *sums; /* vectors x sums_stride */
    size_t sums_stride;
} ebnn_bit_panels;

/* The same rows against vectors of bytes. */
typedef struct ebnn_byte_panels {
    const uint8_t *plus;
    const uint8_t *minus;  /* NULL: no weight is -1 */
    const uint8_t *values; /* vectors x values_stride: eight an octet */
    size_t values_stride;
    size_t rows;
    size_t vectors;
    uint32_t octets; /* a multiple of 4 */
    uint32_t factor;
    uint32_t *sums; /* vectors x sums_stride */
    size_t sums_stride;
} ebnn_byte_panels;

/* Rows of weights that are added together: a list is filled up to whole blocks, one of 16 bytes to two at a time. */
#define EBNN_LISTED_BLOCK UINT32_C(32)
#define EBNN_LEAST_LIST_BYTES UINT32_C(16)
#define EBNN_MOST_LIST_BYTES UINT32_C(64)
#define EBNN_MOST_LIST_PLANES UINT32_C(32)

/*
 * A panel of neurons, a bit each, against a list. A neuron's counter is `seed` and, for each listed row in which its bit is
 * set, 2^first; its answer is whether the counter reaches its limit.
 */
typedef struct ebnn_listing {
    const uint8_t *rows; /* `bytes` each */
    /* `bytes` each: for each plane of the counter, the lowest first, which limits do not have that bit; then which
     * answers are turned over */
    const uint8_t *limits;
    const uint16_t *places; /* of the listed rows */
    uint32_t blocks;
    uint32_t seed;
    uint32_t first;  /* 0 to 2 */
    uint32_t planes; /* first + 5 to EBNN_MOST_LIST_PLANES */
    uint32_t bytes;  /* EBNN_LEAST_LIST_BYTES, 32, or EBNN_MOST_LIST_BYTES */
    uint8_t *answers;
} ebnn_listing;

/* Blocks of a list whose rows are counted for sums, at most: counters of 16 bits hold them. */
#define EBNN_MOST_SUMMED_BLOCKS UINT32_C(2047)

/* The same panels of neurons with numbers for answers: a neuron's count is how many listed rows have its bit. */
typedef struct ebnn_listed_sums {
    const uint8_t *rows;
    const uint16_t *places;
    uint32_t blocks;
    uint32_t bytes;
    uint32_t shift;         /* count * 2^shift + start - total, */
    uint32_t start;         /* the same for all */
    bool turned;            /* or that turned over */
    uint32_t neurons;       /* of the panel, no more than it has bits */
    const uint32_t *totals; /* of as many neurons as the panel has bits */
    uint32_t *sums;
} ebnn_listed_sums;

/* Rows and vectors are padded with zeros to a multiple of so many bytes. */
#define EBNN_DOT_BYTES ((size_t)64)

/* Rows of weights, each of 8 bits, against vectors of integers; a vector lies behind the other, and so do the rows. */
typedef struct ebnn_dots {
    const int8_t *rows;
    const int16_t *vectors;
    size_t row_count;
    size_t vector_count;
    size_t length; /* values of a row and of a vector */
    uint32_t *sums;
    size_t sums_stride;
} ebnn_dots;

typedef struct ebnn_byte_dots {
    const int8_t *rows;
    const uint8_t *vectors;
    size_t row_count;
    size_t vector_count;
    size_t length;
    uint32_t *sums;
    size_t sums_stride;
} ebnn_byte_dots;

/* All sums are modulo 2^32. */
typedef struct ebnn_kernel {
    /* sums[v][r] += factor * (how many inputs of vector v that count are unlike their weight in row r); no minus */
    void (*add_unlike)(const ebnn_bit_panels *work);
    /* sums[v][r] += factor * (the inputs of vector v that count, each times its weight in row r, added up) */
    void (*add_products)(const ebnn_bit_panels *work);
    /* sums[v][r] += factor * (the values of vector v whose weight in row r is +1, less those whose weight is -1) */
    void (*add_bytes)(const ebnn_byte_panels *work);
    /* how many bits of so many words are set */
    uint32_t (*count_bits)(const uint32_t *words, size_t count);
    /* lists these bits, each as its place times `input_rows` (1 or 2) and, of two rows, the place behind that; the answer
     * is the end of the list, behind which up to EBNN_LISTED_BLOCK entries may have been written */
    uint16_t *(*list_bits)(const uint32_t *words, size_t count, uint32_t input_rows, uint16_t *places);
    /* the answers of a panel's neurons to a list */
    void (*answer)(const ebnn_listing *work);
    /* their sums; NULL: panels are faster */
    void (*sum_listed)(const ebnn_listed_sums *work);
    /* one step a channel, as packed bits: ceil(channels / 32) whole words */
    void (*threshold_bits)(const ebnn_steps *steps, const uint32_t *sums, uint32_t channels, uint32_t *words);
    /* sums[v * sums_stride + r] = the products of row r and vector v, added up */
    void (*dot_values)(const ebnn_dots *work);
    /* the same; NULL: the kernel is no faster with bytes than with 16 bits */
    void (*dot_bytes)(const ebnn_byte_dots *work);
    ebnn_philox_kernel *philox_rows; /* random words for the reads of a chip with errors */
} ebnn_kernel;

extern const ebnn_kernel ebnn_kernel_portable;

#if defined(__x86_64__)
extern const ebnn_kernel ebnn_kernel_avx2;   /* only where ebnn_cpu_has_avx2() */
extern const ebnn_kernel ebnn_kernel_avx512; /* only where ebnn_cpu_has_avx512() */
#elif defined(__aarch64__)
extern const ebnn_kernel ebnn_kernel_neon; /* every AArch64 processor has it */
#endif

/* Whether processor and operating system can run AVX2 code. */
bool ebnn_cpu_has_avx2(void);

/* Whether they can run AVX-512 code of the kinds F, BW, VL, VBMI, VNNI and VPOPCNTDQ, as since Ice Lake and Zen 4. */
bool ebnn_cpu_has_avx512(void);

#endif
