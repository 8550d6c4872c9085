/*
 * ebnn_slicing.h: numbers of neurons as bit slices, a neuron a bit: what a register does 32 neurons or more of at a time.
 * One file an instruction set.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_SLICING_H
#define EBNN_SLICING_H

#include "ebnn_host.h"
#include "ebnn_kernel.h"

#define EBNN_SLICED_NEURONS 32

/* A panel's limits as `ebnn_listing` has them, and what they are to fall by. */
typedef struct ebnn_sliced_limits {
    const uint8_t *limits;  /* of `planes` planes and which answers are turned over, `bytes` each */
    const uint8_t *changes; /* of `change_planes` planes, of which the highest counts negative */
    uint32_t planes;
    uint32_t change_planes; /* at least 1 */
    uint32_t bytes;         /* a multiple of 32 */
} ebnn_sliced_limits;

/*
 * A panel at work whose sums move so little that near limits do; see ebnn_sliced_layer. `seed` is what a counter holds
 * before any row is added to it.
 */
typedef struct ebnn_near_listing {
    const uint8_t *limits;  /* of EBNN_NEAR_PLANES planes and which answers are turned over, `bytes` each */
    const uint8_t *changes; /* as above */
    uint32_t change_planes; /* 0 where nothing changes */
    uint32_t bytes;         /* a multiple of 32 */
    const uint8_t *rows;    /* (row, bytes) */
    const uint16_t *places; /* of the rows that are added */
    size_t count;
    uint32_t first; /* plane to which a row is added */
    uint32_t seed;
} ebnn_near_listing;

typedef struct ebnn_slicing_kernel {
    /* what a neuron's wrong weights add for each sample of a block of inputs that are -1 and +1: within an int8_t */
    void (*correct)(const int8_t *inputs, const ebnn_wrong_weight *wrong, size_t count,
                    int8_t changes[EBNN_KNOWN_SAMPLES]);
    /* planes of the changes (neuron, sample) of 32 neurons: words[sample * sample_stride + plane * plane_stride] */
    void (*slice_changes)(const int8_t *changes, uint32_t planes, uint32_t *words, size_t sample_stride,
                          size_t plane_stride);
    /* words[plane * stride] of 32 values below 2^16 */
    void (*slice_values)(const uint32_t values[EBNN_SLICED_NEURONS], uint32_t planes, uint32_t *words, size_t stride);
    /* the limits less the changes */
    void (*lower)(const ebnn_sliced_limits *work, uint8_t *lowered);
    /* `bytes` of answers by near limits less the changes */
    void (*answer_near)(const ebnn_near_listing *work, uint8_t *answers);
} ebnn_slicing_kernel;

extern const ebnn_slicing_kernel ebnn_slicing_portable;

#if defined(__x86_64__)
/* Only where ebnn_cpu_has_avx2(). */
extern const ebnn_slicing_kernel ebnn_slicing_avx2;
#endif

/* That which suits the processor, or the portable one. */
static inline const ebnn_slicing_kernel *ebnn_find_slicing(bool portable)
{
#if defined(__x86_64__)
    if (!portable && ebnn_cpu_has_avx2()) {
        return &ebnn_slicing_avx2;
    }
#endif
    (void)portable;
    return &ebnn_slicing_portable;
}

#endif
