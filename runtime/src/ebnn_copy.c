/*
 * ebnn_copy.c: a tensor's channels to their place among those of another: a part of a concatenation.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_internal.h"

/* The first `count` bits of `source`, which has zeros behind them, from bit `at` of `target` on. */
static void copy_bits(uint32_t *target, uint32_t at, const uint32_t *source, uint32_t count)
{
    const uint32_t shift = at % EBNN_WORD_BITS;
    const uint32_t words = ebnn_words(count);

    target += at / EBNN_WORD_BITS;
    if (shift == 0) {
        for (uint32_t i = 0; i < words; i++) {
            target[i] = source[i];
        }
        return;
    }
    target[0] &= (UINT32_C(1) << shift) - 1; /* the channels of the copy before this one */
    target[0] |= source[0] << shift;
    for (uint32_t i = 1; i < ebnn_words(shift + count); i++) {
        target[i] = source[i - 1] >> (EBNN_WORD_BITS - shift);
        if (i < words) {
            target[i] |= source[i] << shift;
        }
    }
}

static void copy_packed(const ebnn_copy_layer *layer, const uint32_t *input, uint32_t *output, uint32_t pixels)
{
    const uint32_t from = ebnn_words(layer->input.channels);
    const uint32_t to = ebnn_words(layer->output.channels);
    const uint32_t planes = layer->input.format == EBNN_TRITS ? 2 : 1;

    for (uint32_t i = 0; i < pixels * planes; i++, input += from, output += to) {
        copy_bits(output, layer->first_channel, input, layer->input.channels);
    }
}

int32_t ebnn_copy_channels(const ebnn_copy_layer *layer, const void *input, void *output)
{
    const ebnn_tensor *from = &layer->input;
    const ebnn_tensor *to = &layer->output;
    const uint32_t pixels = from->height * from->width;
    const size_t count = ebnn_at(from->channels, pixels, 0);
    const size_t first = ebnn_at(layer->first_channel, pixels, 0);
    const int32_t status = ebnn_check_maps(from, to);

    if (status != EBNN_OK) {
        return status;
    }
    if (layer->first_channel > to->channels || from->channels > to->channels - layer->first_channel) {
        return EBNN_ERROR_SHAPE;
    }
    if (ebnn_is_packed(from->format) || ebnn_is_packed(to->format)) {
        if (from->format != to->format) {
            return EBNN_ERROR_FORMAT;
        }
        copy_packed(layer, (const uint32_t *)input, (uint32_t *)output, pixels);
        return EBNN_OK;
    }
    for (size_t i = 0; i < count; i++) {
        ebnn_store_element(to->format, output, first + i, ebnn_load_element(from->format, input, i));
    }
    return EBNN_OK;
}
