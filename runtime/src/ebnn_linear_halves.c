/*
 * ebnn_linear_halves.c: dense layers and convolutions of up to 16 neurons, two inputs' weights a word.
 *
 * A list of inputs would add words of which half is empty, and rows would count each neuron's bits alone. A product of
 * two signs is 1 less twice what is unlike in them. An input that may be 0 is half the sum of two signs, of whether it is
 * +1 and whether it is not -1, so its product is 1 less what is unlike in both pairs. That is counted here; where the
 * two are the same for all inputs, one counts for both.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_adders.h"
#include "ebnn_counters.h"
#include "ebnn_gather.h"
#include "ebnn_pooled.h"
#include "ebnn_writer.h"

#define NEURONS UINT32_C(16)

static uint32_t fan_in(const ebnn_linear_layer *linear)
{
    return (uint32_t)linear->window.kernel_height * linear->window.kernel_width * linear->input.channels;
}

/* Makes of a mask of inputs that are there which inputs are not -1; behind the last one all bits stay 0. */
static void not_minus(const ebnn_linear_layer *linear, const uint32_t *values, uint32_t *mask)
{
    const uint32_t behind = linear->row_words * EBNN_WORD_BITS - fan_in(linear);

    for (uint32_t word = 0; word < linear->row_words; word++) {
        mask[word] = values[word] | ~mask[word];
    }
    mask[linear->row_words - 1] &= UINT32_MAX >> behind;
}

/* What is unlike in both pairs of signs of all inputs, of 16 neurons. */
static void count_pixel(const ebnn_halves_layer *layer, const void *input, uint32_t row, uint32_t column,
                        uint32_t *counters, uint32_t *scratch)
{
    const ebnn_linear_layer *linear = &layer->linear;
    const uint32_t words = linear->row_words;
    const ebnn_inputs inputs = ebnn_inputs_at(linear, input, 0, row, column, scratch);
    const uint32_t first = inputs.gathered.whole ? 1 : 0;
    uint32_t carry = 0;

    for (uint32_t plane = 0; plane < layer->sum_planes + EBNN_PLANES_BEHIND; plane++) {
        counters[plane] = 0;
    }
    ebnn_add_unlike_halves(counters + first, linear->sign, inputs.values, words, NEURONS);
    if (!inputs.gathered.whole) {
        not_minus(linear, inputs.values, scratch + words);
        ebnn_add_unlike_halves(counters, linear->sign, scratch + words, words, NEURONS);
    }
    for (uint32_t plane = first; plane < layer->sum_planes; plane++) {
        counters[plane] = ebnn_add_two(carry, counters[plane], counters[plane] >> NEURONS, &carry);
    }
}

int32_t ebnn_linear_halves(const ebnn_halves_layer *layer, const void *input, void *output, uint32_t *scratch)
{
    const int32_t status = ebnn_check_halves(layer);
    const ebnn_linear_layer *linear = &layer->linear;
    const ebnn_tensor *to = &linear->output;
    const uint32_t height = ebnn_pooled_extent(to->height, layer->pooled.height);
    const uint32_t width = ebnn_pooled_extent(to->width, layer->pooled.width);
    uint32_t counters[EBNN_COUNTER_WORDS];

    if (status != EBNN_OK) {
        return status;
    }
    for (uint32_t row = 0; row < height; row++) {
        for (uint32_t column = 0; column < width; column++) {
            count_pixel(layer, input, row, column, counters, scratch);
            if (layer->limits != NULL) {
                const ebnn_pooled_at pixel = ebnn_pooled_at_pixel(&layer->pooled, to, output, row, column);

                ebnn_put_pooled(&pixel, 0, ebnn_reached(counters, layer->limits, layer->sum_planes));
            } else {
                ebnn_writer writer = ebnn_sum_writer_at(to, &linear->steps, linear->border, output, row, column);
                uint32_t sums[NEURONS];

                ebnn_read_counters(counters, layer->sum_planes, to->channels, sums);
                for (uint32_t neuron = 0; neuron < to->channels; neuron++) {
                    sums[neuron] = fan_in(linear) - sums[neuron];
                }
                ebnn_write_sums(&writer, sums, to->channels);
            }
        }
    }
    return EBNN_OK;
}
