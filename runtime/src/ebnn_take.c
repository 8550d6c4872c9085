/*
 * ebnn_take.c: the elements at given places of each axis: slices, gathers, and channels in another order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_internal.h"

/* The place in the input that stands for place `index` of the output. */
static inline uint32_t place(const uint32_t *places, uint32_t index)
{
    return places == NULL ? index : places[index];
}

/* One plane of a packed pixel: the bits of the channels that are taken, with zeros behind them. */
static void take_bits(const ebnn_take_layer *layer, const uint32_t *input, uint32_t *output)
{
    const uint32_t *places = layer->channels;
    uint32_t channel = 0;

    if (places == NULL) {
        for (uint32_t i = 0; i < ebnn_words(layer->output.channels); i++) {
            output[i] = input[i];
        }
        return;
    }
    for (uint32_t left = layer->output.channels; left != 0; output++) {
        const uint32_t bits = left < EBNN_WORD_BITS ? left : EBNN_WORD_BITS;
        uint32_t word = 0;

        for (uint32_t bit = 0; bit < bits; bit++, channel++) {
            const uint32_t from = places[channel];

            word |= ((input[from / EBNN_WORD_BITS] >> (from % EBNN_WORD_BITS)) & 1) << bit;
        }
        *output = word;
        left -= bits;
    }
}

static void take_packed(const ebnn_take_layer *layer, const uint32_t *input, uint32_t *output)
{
    take_bits(layer, input, output);
    if (layer->output.format == EBNN_TRITS) {
        take_bits(layer, input + ebnn_words(layer->input.channels), output + ebnn_words(layer->output.channels));
    }
}

static void take_elements(const ebnn_take_layer *layer, const void *input, size_t from, void *output, size_t to)
{
    const size_t inputs = ebnn_map(&layer->input);
    const size_t outputs = ebnn_map(&layer->output);
    const uint32_t format = layer->output.format;

    for (uint32_t c = 0; c < layer->output.channels; c++) {
        const int32_t value = ebnn_load_element(format, input, (size_t)place(layer->channels, c) * inputs + from);

        ebnn_store_element(format, output, (size_t)c * outputs + to, value);
    }
}

int32_t ebnn_take(const ebnn_take_layer *layer, const void *input, void *output)
{
    const ebnn_tensor *from = &layer->input;
    const ebnn_tensor *to = &layer->output;
    int32_t status = ebnn_check_tensor(from);
    size_t pixel = 0;

    if (status == EBNN_OK) {
        status = ebnn_check_tensor(to);
    }
    if (status == EBNN_OK && from->format != to->format) {
        status = EBNN_ERROR_FORMAT;
    }
    if (status != EBNN_OK) {
        return status;
    }
    for (uint32_t y = 0; y < to->height; y++) {
        const size_t row = ebnn_at(place(layer->rows, y), from->width, 0);

        for (uint32_t x = 0; x < to->width; x++, pixel++) {
            const size_t source = row + (size_t)place(layer->columns, x);

            if (ebnn_is_packed(to->format)) {
                take_packed(layer, (const uint32_t *)input + source * ebnn_pixel_words(from),
                            (uint32_t *)output + pixel * ebnn_pixel_words(to));
            } else {
                take_elements(layer, input, source, output, pixel);
            }
        }
    }
    return EBNN_OK;
}
