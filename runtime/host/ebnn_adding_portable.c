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

static void correct_bytes(const int8_t *inputs, const ebnn_wrong_weight *wrong, size_t count,
                          uint32_t changes[EBNN_KNOWN_SAMPLES])
{
    memset(changes, 0, EBNN_KNOWN_SAMPLES * sizeof *changes);
    for (size_t k = 0; k < count; k++) {
        const int8_t *values = inputs + (size_t)wrong[k].input * EBNN_KNOWN_SAMPLES;

        for (size_t i = 0; i < EBNN_KNOWN_SAMPLES; i++) {
            changes[i] += (uint32_t)(wrong[k].change[1] * values[i]);
        }
    }
}

static uint64_t find_crossing(const uint32_t known[EBNN_KNOWN_SAMPLES], const uint32_t changes[EBNN_KNOWN_SAMPLES],
                              int32_t threshold, uint32_t down)
{
    uint64_t found = 0;

    for (uint32_t i = 0; i < EBNN_KNOWN_SAMPLES; i++) {
        const bool before = (int32_t)(known[i] ^ down) >= threshold;
        const bool now = (int32_t)((known[i] + changes[i]) ^ down) >= threshold;

        found |= (uint64_t)(before != now) << i;
    }
    return found;
}

static void add_inputs(uint32_t *sums, const int8_t *weights, const ebnn_changed_input *list, size_t count,
                       size_t neurons)
{
    for (size_t k = 0; k < count; k++) {
        const int8_t *row = weights + (size_t)list[k].input * neurons;

        for (size_t i = 0; i < neurons; i++) {
            sums[i] += (uint32_t)(list[k].change * row[i]);
        }
    }
}

const ebnn_adding_kernel ebnn_adding_portable = {correct, correct_bytes, find_crossing, add_inputs};
