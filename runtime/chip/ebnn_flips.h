/*
 * ebnn_flips.h: which synapses of very many banks are wrong where each is so at the same rate, whatever the cause.
 *
 * A synapse is wrong where its random number u of 32 bits, edgebnn/chip/transitions.py's `uniform`, is below a
 * threshold. u comes in bit slices, the highest bits first, and mostly a few of them decide all columns of a row.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_FLIPS_H
#define EBNN_FLIPS_H

#include <stdint.h>

#include "ebnn_sampler.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rows 0 to `rows` of banks `first_bank` to `first_bank + banks`, at most 2^27, programmed in cycle `event`. */
typedef struct ebnn_flips {
    uint64_t seed;
    uint64_t event;     /* below 2^48 */
    uint64_t threshold; /* 2^32 times the rate, at most 2^32 */
    uint32_t first_bank;
    uint32_t banks;
    uint32_t rows; /* 1 to 32 */
    uint32_t unused;
} ebnn_flips;

/*
 * How many synapses are wrong; `masks`, (bank, row), bit = column, may be NULL. `kernel` is an ebnn_sampler that this
 * processor can run.
 */
uint64_t ebnn_sample_flips(const ebnn_flips *flips, uint32_t *masks, int32_t kernel);

/* sizeof(ebnn_flips): Python compares. */
uint32_t ebnn_flips_bytes(void);

#ifdef __cplusplus
}
#endif

#endif
