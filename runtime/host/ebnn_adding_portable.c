/*
 * ebnn_adding_portable.c: sums that are added to, in plain C; the truth for the other kernels.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_difference.h"

#include <string.h>

static void correct(const int16_t *inputs, const ebnn_wrong_weight *wrong, size_t count,
                    uint32_t changes[EBNN_KNOWN_SAMPLES])
{
    memset(changes, 0, EBNN_KNOWN_SAMPLES * sizeof *changes);
    for (size_t k = 0; k < count; k++) {
        const int16_t *values = inputs + (size_t)wrong[k].input * EBNN_KNOWN_SAMPLES;

        for (size_t i = 0; i < EBNN_KNOWN_SAMPLES; i++) {
            changes[i] += (uint32_t)(wrong[k].change[1] * values[i]);
        }
    }
}

static void add_weights(uint32_t *sums, const int8_t *weights, int32_t factor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sums[i] += (uint32_t)(factor * weights[i]);
    }
}

const ebnn_adding_kernel ebnn_adding_portable = {correct, add_weights};
