/*
 * ebnn_linear.c: dense layers, convolutions and depthwise convolutions in software.
 *
 * Where weight and input are signs, their products are +1 where the bits are alike and -1 where they are not, so a
 * dot product is the number of inputs that count minus twice the number of unlike bits among them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_count.h"
#include "ebnn_gather.h"
#include "ebnn_writer.h"

uint32_t ebnn_linear_scratch_words(const ebnn_linear_layer *layer)
{
    return layer->row_words * (layer->input.planes + UINT32_C(1));
}

/* Inputs that are there and weights that are not zero, where not both of them are all. */
static uint32_t dot_signs(const uint32_t *sign, const uint32_t *nonzero, const uint32_t *values, const uint32_t *mask,
                          ebnn_gathered gathered, uint32_t words)
{
    const uint32_t *there = gathered.whole ? nonzero : mask;
    const uint32_t *weights = nonzero != NULL ? nonzero : mask;
    const uint32_t total = nonzero == NULL ? gathered.total : ebnn_count_common(there, nonzero, nonzero, words);

    return total - 2 * ebnn_count_unlike_in(sign, values, there, weights, words);
}

/*
 * Plane by plane: the +1 weights' share of the inputs, twice, minus all inputs (of weights that are not zero).
 * For binary weights "all inputs" is one number for all neurons.
 */
static uint32_t dot_planes(const uint32_t *sign, const uint32_t *nonzero, const uint32_t *planes,
                           ebnn_gathered gathered, const ebnn_tensor *input, uint32_t words)
{
    uint32_t sum = nonzero == NULL ? 0 - gathered.total : 0;

    for (uint32_t plane = 0; plane < input->planes; plane++, planes += words) {
        const bool negative = plane + 1 == input->planes && ebnn_is_signed(input->format);
        uint32_t part;

        if (nonzero == NULL) {
            part = 2 * ebnn_count_common(sign, planes, planes, words);
        } else {
            part =
                2 * ebnn_count_common(sign, nonzero, planes, words) - ebnn_count_common(nonzero, planes, planes, words);
        }
        part <<= plane;
        sum += negative ? 0 - part : part;
    }
    return sum;
}

/*
 * The same for a binary neuron whose row is one word, as in the first layer of most networks: from the highest plane
 * down, each doubling what the planes above it gave. A call and a loop for each word would cost more than the count.
 */
static uint32_t dot_planes_of_word(uint32_t sign, const uint32_t *planes, ebnn_gathered gathered,
                                   const ebnn_tensor *input)
{
    const uint32_t *plane = planes + input->planes - 1;
    uint32_t sum = ebnn_popcount(sign & *plane);

    if (ebnn_is_signed(input->format)) {
        sum = 0 - sum;
    }
    while (plane != planes) {
        plane--;
        sum = 2 * sum + ebnn_popcount(sign & *plane);
    }
    return 2 * sum - gathered.total;
}

/* One neuron: signs or planes, wide rows or a single word. */
static uint32_t dot(const ebnn_linear_layer *layer, const uint32_t *sign, const uint32_t *nonzero,
                    const uint32_t *values, const uint32_t *mask, ebnn_gathered gathered)
{
    const uint32_t words = layer->row_words;

    if (ebnn_is_packed(layer->input.format)) {
        return dot_signs(sign, nonzero, values, mask, gathered, words);
    }
    if (words == 1 && nonzero == NULL) {
        return dot_planes_of_word(*sign, values, gathered, &layer->input);
    }
    return dot_planes(sign, nonzero, values, gathered, &layer->input, words);
}

/* Some neurons that lie one behind the other. */
static void dots(const ebnn_linear_layer *layer, const uint32_t *sign, const uint32_t *nonzero,
                 const ebnn_inputs *inputs, uint32_t count, uint32_t *sums)
{
    const uint32_t words = layer->row_words;

    if (inputs->gathered.whole && nonzero == NULL && ebnn_is_packed(layer->input.format)) {
        ebnn_count_unlike_rows(sign, inputs->values, words, count, sums);
        for (uint32_t i = 0; i < count; i++) {
            sums[i] = inputs->gathered.total - 2 * sums[i];
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        sums[i] = dot(layer, sign, nonzero, inputs->values, inputs->mask, inputs->gathered);
        sign += words;
        nonzero = nonzero != NULL ? nonzero + words : NULL;
    }
}

int32_t ebnn_linear(const ebnn_linear_layer *layer, const void *input, void *output, uint32_t *scratch)
{
    const int32_t status = ebnn_check_linear(layer);
    const uint32_t words = layer->row_words;
    uint32_t neurons;

    if (status != EBNN_OK) {
        return status;
    }
    neurons = layer->output.channels / layer->groups;
    for (uint32_t row = 0; row < layer->output.height; row++) {
        for (uint32_t column = 0; column < layer->output.width; column++) {
            ebnn_writer writer = ebnn_sum_writer_at(&layer->output, &layer->steps, layer->border, output, row, column);
            const uint32_t *sign = layer->sign;
            const uint32_t *nonzero = layer->nonzero;

            for (uint32_t group = 0; group < layer->groups; group++) {
                const ebnn_inputs inputs = ebnn_inputs_at(layer, input, group, row, column, scratch);
                uint32_t left = neurons;

                while (left != 0) {
                    const uint32_t count = ebnn_run_of_word(&writer, left);
                    uint32_t sums[EBNN_WORD_BITS];

                    dots(layer, sign, nonzero, &inputs, count, sums);
                    sign += (size_t)count * words;
                    nonzero = nonzero != NULL ? nonzero + (size_t)count * words : NULL;
                    ebnn_write_sums(&writer, sums, count);
                    left -= count;
                }
            }
        }
    }
    return EBNN_OK;
}
