/*
 * ebnn_adding_portable.c: sums that are added to, in plain C; the truth for the other kernels.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_difference.h"

static void add_values(uint32_t *sums, const int16_t *values, int32_t factor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sums[i] += (uint32_t)(factor * values[i]);
    }
}

static void add_weights(uint32_t *sums, const int8_t *weights, int32_t factor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sums[i] += (uint32_t)(factor * weights[i]);
    }
}

const ebnn_adding_kernel ebnn_adding_portable = {add_values, add_weights};
