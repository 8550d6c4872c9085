/*
 * ebnn_threshold.c: a step function on its own, channel after channel, so that what a channel has is found once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_values.h"
#include "ebnn_writer.h"

/*
 * A channel's bit at each pixel of a run. The first channel of a word clears what lies behind it. Trits are 0, 1 or 2
 * steps: -1, 0, +1.
 */
static void put_bits(const ebnn_tensor *to, uint32_t *word, uint32_t channel, const uint32_t *counts, uint32_t count)
{
    const bool trits = to->format == EBNN_TRITS;
    const uint32_t bit = channel % EBNN_WORD_BITS;
    const uint32_t before = (UINT32_C(1) << bit) - 1;
    const uint32_t words = ebnn_words(to->channels);
    const uint32_t stride = ebnn_pixel_words(to);

    word += channel / EBNN_WORD_BITS;
    for (uint32_t i = 0; i < count; i++, word += stride) {
        word[0] = (word[0] & before) | (trits ? counts[i] / 2 : counts[i]) << bit;
        if (trits) {
            word[words] = (word[words] & before) | (counts[i] != 1 ? UINT32_C(1) : 0) << bit;
        }
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

int32_t ebnn_threshold(const ebnn_threshold_layer *layer, const void *input, void *output)
{
    const ebnn_tensor *from = &layer->input;
    const ebnn_tensor *to = &layer->output;
    const ebnn_steps *steps = &layer->steps;
    const uint32_t pixels = from->height * from->width;
    int32_t status = ebnn_check_maps(from, to);

    if (status == EBNN_OK) {
        status = ebnn_check_steps(steps, to);
    }
    if (status != EBNN_OK) {
        return status;
    }
    if (from->channels != to->channels) {
        return EBNN_ERROR_SHAPE;
    }
    for (uint32_t channel = 0; channel < from->channels; channel++) {
        for (uint32_t pixel = 0; pixel < pixels; pixel += EBNN_RUN) {
            const uint32_t count = ebnn_run(pixels, pixel);
            uint32_t counts[EBNN_RUN];
            int32_t run[EBNN_RUN];
            const int32_t *values = ebnn_values(from, input, channel, pixel, count, run);

            count_run(steps, channel, values, count, counts);
            if (ebnn_is_packed(to->format)) {
                put_bits(to, (uint32_t *)output + (size_t)pixel * ebnn_pixel_words(to), channel, counts, count);
                continue;
            }
            for (uint32_t i = 0; i < count; i++) {
                const uint32_t stepped = (uint32_t)steps->low + (uint32_t)steps->step * counts[i];

                ebnn_store_element(to->format, output, ebnn_at(channel, pixels, pixel + i),
                                   steps->steps == 0 ? values[i] : (int32_t)stepped);
            }
        }
    }
    return EBNN_OK;
}
