/*
 * ebnn_slicing_portable.c: bit slices in plain C; the truth for the other kernels.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_slicing.h"

#include <string.h>

static void correct(const int8_t *inputs, const ebnn_wrong_weight *wrong, size_t count,
                    int8_t changes[EBNN_KNOWN_SAMPLES])
{
    memset(changes, 0, EBNN_KNOWN_SAMPLES);
    for (size_t k = 0; k < count; k++) {
        const int8_t *values = inputs + (size_t)wrong[k].input * EBNN_KNOWN_SAMPLES;

        for (size_t i = 0; i < EBNN_KNOWN_SAMPLES; i++) {
            changes[i] = (int8_t)(changes[i] + wrong[k].change[1] * values[i]);
        }
    }
}

static void slice_values(const uint32_t values[EBNN_SLICED_NEURONS], uint32_t planes, uint32_t *words, size_t stride)
{
    for (uint32_t plane = 0; plane < planes; plane++) {
        uint32_t word = 0;

        for (uint32_t i = 0; i < EBNN_SLICED_NEURONS; i++) {
            word |= (values[i] >> plane & 1) << i;
        }
        words[plane * stride] = word;
    }
}

static void slice_changes(const int8_t *changes, uint32_t planes, uint32_t *words, size_t sample_stride,
                          size_t plane_stride)
{
    for (size_t sample = 0; sample < EBNN_KNOWN_SAMPLES; sample++) {
        uint32_t values[EBNN_SLICED_NEURONS];

        for (size_t i = 0; i < EBNN_SLICED_NEURONS; i++) {
            values[i] = (uint32_t)(int32_t)changes[i * EBNN_KNOWN_SAMPLES + sample];
        }
        slice_values(values, planes, words + sample * sample_stride, plane_stride);
    }
}

/* Limits stand inverted, so that adding to what stands there takes away from them. */
static void lower(const ebnn_sliced_limits *work, uint8_t *lowered)
{
    for (size_t offset = 0; offset < work->bytes; offset += sizeof(uint64_t)) {
        uint64_t carry = 0, change = 0;

        for (uint32_t plane = 0; plane < work->planes; plane++) {
            const size_t place = plane * work->bytes + offset;
            uint64_t limit, sum;

            memcpy(&limit, work->limits + place, sizeof limit);
            if (plane < work->change_planes) {
                memcpy(&change, work->changes + place, sizeof change);
            }
            sum = limit ^ change ^ carry;
            carry = (limit & change) | (carry & (limit ^ change));
            memcpy(lowered + place, &sum, sizeof sum);
        }
    }
    memcpy(lowered + work->planes * work->bytes, work->limits + work->planes * work->bytes, work->bytes);
}

static uint64_t load(const uint8_t *from)
{
    uint64_t found;

    memcpy(&found, from, sizeof found);
    return found;
}

/* Adds a plane's bits, and what is carried; the carry is what is carried on. */
static uint64_t add(uint64_t bits, uint64_t more, uint64_t *carry)
{
    const uint64_t unlike = bits ^ more, sum = unlike ^ *carry;

    *carry = (bits & more) | (unlike & *carry);
    return sum;
}

/* What is added to a neuron's near limit carries out of its highest plane once, or never. */
static void answer_near(const ebnn_near_listing *work, uint8_t *answers)
{
    for (size_t offset = 0; offset < work->bytes; offset += sizeof(uint64_t)) {
        uint64_t planes[EBNN_NEAR_PLANES], change = 0, carry = 0, seeded = 0, reached;

        for (uint32_t plane = 0; plane < EBNN_NEAR_PLANES; plane++) {
            if (plane < work->change_planes) {
                change = load(work->changes + plane * work->bytes + offset);
            }
            planes[plane] = add(load(work->limits + plane * work->bytes + offset), change, &carry);
            planes[plane] = add(planes[plane], 0 - (uint64_t)((work->seed + 1) >> plane & 1), &seeded);
        }
        reached = seeded;
        for (size_t k = 0; k < work->count; k++) {
            carry = load(work->rows + work->places[k] * (size_t)work->bytes + offset);
            for (uint32_t plane = work->first; plane < EBNN_NEAR_PLANES; plane++) {
                planes[plane] = add(planes[plane], 0, &carry);
            }
            reached |= carry;
        }
        reached ^= load(work->limits + (size_t)EBNN_NEAR_PLANES * work->bytes + offset);
        memcpy(answers + offset, &reached, sizeof reached);
    }
}

const ebnn_slicing_kernel ebnn_slicing_portable = {correct, slice_changes, slice_values, lower, answer_near};
