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

static uint32_t dot_signs(const uint32_t *sign, const uint32_t *nonzero, const uint32_t *values, const uint32_t *mask,
                          ebnn_gathered gathered, uint32_t words)
{
    if (nonzero != NULL) {
        return ebnn_count_common(mask, nonzero, words) -
               2 * ebnn_count_unlike_in_both(sign, values, mask, nonzero, words);
    }
    if (gathered.whole) {
        return gathered.total - 2 * ebnn_count_unlike(sign, values, words);
    }
    return gathered.total - 2 * ebnn_count_unlike_in(sign, values, mask, words);
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
            part = 2 * ebnn_count_common(sign, planes, words);
        } else {
            part =
                2 * ebnn_count_common_to_all(sign, nonzero, planes, words) - ebnn_count_common(nonzero, planes, words);
        }
        part <<= plane;
        sum += negative ? 0 - part : part;
    }
    return sum;
}

int32_t ebnn_linear(const ebnn_linear_layer *layer, const void *input, void *output, uint32_t *scratch)
{
    const int32_t status = ebnn_check_linear(layer);
    const bool signs = ebnn_is_packed(layer->input.format);
    const uint32_t words = layer->row_words;
    uint32_t neurons, pixel = 0;

    if (status != EBNN_OK) {
        return status;
    }
    neurons = layer->output.channels / layer->groups;
    for (uint32_t row = 0; row < layer->output.height; row++) {
        for (uint32_t column = 0; column < layer->output.width; column++, pixel++) {
            ebnn_writer writer = ebnn_writer_at(&layer->output, &layer->steps, output, pixel);
            const uint32_t *sign = layer->sign;
            const uint32_t *nonzero = layer->nonzero;

            for (uint32_t group = 0; group < layer->groups; group++) {
                const ebnn_gathered gathered = ebnn_gather(layer, input, group, row, column, scratch);

                for (uint32_t neuron = 0; neuron < neurons; neuron++) {
                    const uint32_t sum = signs ? dot_signs(sign, nonzero, scratch, scratch + words, gathered, words)
                                               : dot_planes(sign, nonzero, scratch, gathered, &layer->input, words);

                    ebnn_write(&writer, (int32_t)sum);
                    sign += words;
                    nonzero = nonzero != NULL ? nonzero + words : NULL;
                }
            }
        }
    }
    return EBNN_OK;
}
