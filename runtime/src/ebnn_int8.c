/*
 * ebnn_int8.c: dense layers, convolutions and depthwise convolutions with weights of 8 bits.
 *
 * A neuron's inputs are gathered once for all neurons that share them, and four neurons are done at a time, so that each
 * input is loaded once for four products.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_patch.h"
#include "ebnn_writer.h"

#define NEURONS_AT_ONCE UINT32_C(4)

uint32_t ebnn_int8_scratch_words(const ebnn_int8_layer *layer)
{
    return (ebnn_fan_in(layer) + 1) / 2;
}

/* A product has at most 8 + 16 bits, a sum wraps modulo 2^32. */
#define PRODUCT(WEIGHT, VALUE) ((uint32_t)((int32_t)(WEIGHT) * (VALUE)))

#define DOT(TYPE)                                                                                                      \
    const TYPE *inputs = (const TYPE *)values;                                                                         \
    uint32_t sum = 0;                                                                                                  \
                                                                                                                       \
    for (uint32_t i = 0; i < count; i++) {                                                                             \
        sum += PRODUCT(weights[i], inputs[i]);                                                                         \
    }                                                                                                                  \
    return sum

#define DOTS(TYPE)                                                                                                     \
    const TYPE *inputs = (const TYPE *)values;                                                                         \
    const int8_t *second = weights + count;                                                                            \
    const int8_t *third = second + count;                                                                              \
    const int8_t *fourth = third + count;                                                                              \
    uint32_t a = 0, b = 0, c = 0, d = 0;                                                                               \
                                                                                                                       \
    for (uint32_t i = 0; i < count; i++) {                                                                             \
        const int32_t value = inputs[i];                                                                               \
                                                                                                                       \
        a += PRODUCT(weights[i], value);                                                                               \
        b += PRODUCT(second[i], value);                                                                                \
        c += PRODUCT(third[i], value);                                                                                 \
        d += PRODUCT(fourth[i], value);                                                                                \
    }                                                                                                                  \
    sums[0] = a;                                                                                                       \
    sums[1] = b;                                                                                                       \
    sums[2] = c;                                                                                                       \
    sums[3] = d

static uint32_t dot_signed(const int8_t *weights, const uint16_t *values, uint32_t count)
{
    DOT(int16_t);
}

static uint32_t dot_unsigned(const int8_t *weights, const uint16_t *values, uint32_t count)
{
    DOT(uint16_t);
}

static void dots_signed(const int8_t *weights, const uint16_t *values, uint32_t count, uint32_t *sums)
{
    DOTS(int16_t);
}

static void dots_unsigned(const int8_t *weights, const uint16_t *values, uint32_t count, uint32_t *sums)
{
    DOTS(uint16_t);
}

int32_t ebnn_int8(const ebnn_int8_layer *layer, const void *input, void *output, uint32_t *scratch)
{
    const int32_t status = ebnn_check_int8(layer);
    const bool plain = layer->input.format == EBNN_UINT16;
    uint16_t *values = (uint16_t *)scratch;
    uint32_t neurons, count, pixel = 0;

    if (status != EBNN_OK) {
        return status;
    }
    neurons = layer->output.channels / layer->groups;
    count = ebnn_fan_in(layer);
    for (uint32_t row = 0; row < layer->output.height; row++) {
        for (uint32_t column = 0; column < layer->output.width; column++, pixel++) {
            ebnn_writer writer = ebnn_writer_at(&layer->output, &layer->steps, output, pixel);
            const int8_t *weights = layer->weights;

            for (uint32_t group = 0; group < layer->groups; group++) {
                uint32_t left = neurons;

                ebnn_gather_values(layer, input, group, row, column, values);
                for (; left >= NEURONS_AT_ONCE; left -= NEURONS_AT_ONCE, weights += NEURONS_AT_ONCE * (size_t)count) {
                    uint32_t sums[NEURONS_AT_ONCE];

                    (plain ? dots_unsigned : dots_signed)(weights, values, count, sums);
                    for (uint32_t i = 0; i < NEURONS_AT_ONCE; i++) {
                        ebnn_write(&writer, (int32_t)sums[i]);
                    }
                }
                for (; left > 0; left--, weights += count) {
                    ebnn_write(&writer, (int32_t)(plain ? dot_unsigned : dot_signed)(weights, values, count));
                }
            }
        }
    }
    return EBNN_OK;
}
