/*
 * ebnn_threshold.c: a step function on its own, channel after channel, so that what a channel has is found once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_values.h"
#include "ebnn_writer.h"

/* Which of a run's values have reached a channel's only threshold: the first in the lowest bit. */
static uint32_t reach_run(const ebnn_steps *steps, uint32_t channel, const int32_t *values, uint32_t count)
{
    const int32_t *value = values + count;
    uint32_t bits = 0;

    if (steps->thresholds == NULL) {
        while (value != values) {
            bits = bits << 1 | ebnn_count_many_steps(steps, channel, *--value);
        }
    } else {
        const uint32_t turned = 0 - ebnn_bit(steps->directions, channel);
        const int32_t threshold = steps->thresholds[channel];

        while (value != values) {
            bits += bits + ((int32_t)((uint32_t)*--value ^ turned) >= threshold ? UINT32_C(1) : 0);
        }
    }
    return bits;
}

/* The bits of a run behind all those before. */
static void put_behind(uint32_t *words, uint32_t place, uint32_t bits, uint32_t count)
{
    const uint32_t bit = place % EBNN_WORD_BITS;

    words += place / EBNN_WORD_BITS;
    words[0] = bit == 0 ? bits : words[0] | bits << bit;
    if (bit + count > EBNN_WORD_BITS) {
        words[1] = bits >> (EBNN_WORD_BITS - bit);
    }
}

/* A channel's bit at each pixel of a run. The first channel of a word clears what lies behind it. */
static void put_bits(const ebnn_tensor *to, uint32_t *word, uint32_t channel, uint32_t bits, uint32_t count)
{
    const uint32_t bit = channel % EBNN_WORD_BITS;
    const uint32_t before = (UINT32_C(1) << bit) - 1;
    const uint32_t stride = ebnn_words(to->channels);

    word += channel / EBNN_WORD_BITS;
    for (; count != 0; count--, word += stride, bits >>= 1) {
        *word = (*word & before) | (bits & 1) << bit;
    }
}

/* The same for trits, which are 0, 1 or 2 steps: -1, 0, +1. */
static void put_trits(const ebnn_tensor *to, uint32_t *word, uint32_t channel, const uint32_t *counts, uint32_t count)
{
    const uint32_t bit = channel % EBNN_WORD_BITS;
    const uint32_t before = (UINT32_C(1) << bit) - 1;
    const uint32_t words = ebnn_words(to->channels);

    word += channel / EBNN_WORD_BITS;
    for (uint32_t i = 0; i < count; i++, word += 2 * words) {
        word[0] = (word[0] & before) | counts[i] / 2 << bit;
        word[words] = (word[words] & before) | (counts[i] != 1 ? UINT32_C(1) : 0) << bit;
    }
}

/* How many thresholds each of a run of a channel's values has reached. */
static void count_run(const ebnn_steps *steps, uint32_t channel, const int32_t *values, uint32_t count,
                      uint32_t *counts)
{
    const uint32_t turned = 0 - ebnn_bit(steps->directions, channel);

    if (steps->thresholds == NULL || steps->steps > EBNN_FEW_STEPS) {
        for (uint32_t i = 0; i < count; i++) {
            counts[i] = ebnn_count_many_steps(steps, channel, values[i]);
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        counts[i] = 0;
    }
    for (uint32_t k = 0; k < steps->steps; k++) {
        const int32_t threshold = steps->thresholds[(size_t)channel * steps->steps + k];

        for (uint32_t i = 0; i < count; i++) {
            counts[i] += threshold <= (int32_t)((uint32_t)values[i] ^ turned) ? 1U : 0U;
        }
    }
}

/* Whether the output is a vector of all bits of a map. */
static bool is_flat(const ebnn_tensor *from, const ebnn_tensor *to)
{
    const uint32_t pixels = from->height * from->width;

    return to->format == EBNN_BITS && pixels > 1 && to->height == 1 && to->width == 1 &&
           (uint64_t)from->channels * pixels == to->channels;
}

static int32_t check(const ebnn_threshold_layer *layer, bool flat)
{
    const ebnn_tensor *from = &layer->input;
    const ebnn_tensor *to = &layer->output;
    const int32_t status = ebnn_check_maps(from, to);

    if (status == EBNN_ERROR_FORMAT || (status != EBNN_OK && !flat)) {
        return status;
    }
    return flat || from->channels == to->channels ? ebnn_check_steps(&layer->steps, to) : EBNN_ERROR_SHAPE;
}

/* A run of a channel's values as trits or elements. */
static void step_run(const ebnn_threshold_layer *layer, uint32_t channel, uint32_t pixel, const int32_t *values,
                     uint32_t count, void *output)
{
    const ebnn_tensor *to = &layer->output;
    const ebnn_steps *steps = &layer->steps;
    const size_t first = ebnn_at(channel, to->height * to->width, pixel);
    uint32_t counts[EBNN_RUN];

    count_run(steps, channel, values, count, counts);
    if (to->format == EBNN_TRITS) {
        put_trits(to, (uint32_t *)output + ebnn_at(pixel, ebnn_pixel_words(to), 0), channel, counts, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t stepped = (uint32_t)steps->low + (uint32_t)steps->step * counts[i];

        ebnn_store_element(to->format, output, first + (size_t)i, steps->steps == 0 ? values[i] : (int32_t)stepped);
    }
}

int32_t ebnn_threshold(const ebnn_threshold_layer *layer, const void *input, void *output)
{
    const ebnn_tensor *from = &layer->input;
    const ebnn_tensor *to = &layer->output;
    const bool flat = is_flat(from, to);
    const int32_t status = check(layer, flat);
    const uint32_t pixels = from->height * from->width;
    uint32_t *words = (uint32_t *)output;

    if (status != EBNN_OK) {
        return status;
    }
    for (uint32_t channel = 0; channel < from->channels; channel++) {
        for (uint32_t pixel = 0; pixel < pixels; pixel += EBNN_RUN) {
            const uint32_t count = ebnn_run(pixels, pixel);
            int32_t run[EBNN_RUN];
            const int32_t *values = ebnn_values(from, input, channel, pixel, count, run);

            if (to->format != EBNN_BITS) {
                step_run(layer, channel, pixel, values, count, output);
                continue;
            }
            const uint32_t bits = reach_run(&layer->steps, channel, values, count);

            if (flat) {
                put_behind(words, channel * pixels + pixel, bits, count);
            } else {
                put_bits(to, words + ebnn_at(pixel, ebnn_words(to->channels), 0), channel, bits, count);
            }
        }
    }
    return EBNN_OK;
}
