/*
 * ebnn_sampler.h: which kernel samples cells; all of them draw the same ones.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_SAMPLER_H
#define EBNN_SAMPLER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ebnn_sampler {
    EBNN_SAMPLER_BEST = -1, /* the fastest that this processor can run */
    EBNN_SAMPLER_PORTABLE = 0,
    EBNN_SAMPLER_AVX2 = 1,
    EBNN_SAMPLER_AVX512 = 2 /* as AVX2, but where there is something better */
} ebnn_sampler;

/* The kernel that runs where this one is asked for, or -1 where it does not exist or this processor cannot run it. */
int32_t ebnn_sampler_choose(int32_t kernel);

#ifdef __cplusplus
}
#endif

#endif
