/*
 * ebnn_int8.c: dense layers, convolutions and depthwise convolutions with weights of 8 bits.
 *
 * A neuron's inputs are gathered once for all neurons that share them, and four neurons are done at a time, so that each
 * input is loaded once for four products. Inputs of 32 bits are two digits of 16: sums wrap modulo 2^32, so that the
 * digits' sums make up the whole one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_depthwise.h"
#include "ebnn_patch.h"
#include "ebnn_writer.h"

#define NEURONS_AT_ONCE UINT32_C(4)
#define DIGIT_BITS UINT32_C(16)

uint32_t ebnn_int8_scratch_words(const ebnn_int8_layer *layer)
{
    return ebnn_is_wide(layer) ? ebnn_fan_in(layer) : (ebnn_fan_in(layer) + 1) / 2;
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

/* Four neurons; the upper digits of wide inputs lie behind all lower ones. */
static void dots(const ebnn_int8_layer *layer, const uint16_t *values, const int8_t *weights, uint32_t count,
                 uint32_t *sums)
{
    const bool plain = layer->input.format == EBNN_UINT16 || ebnn_is_wide(layer);

    (plain ? dots_unsigned : dots_signed)(weights, values, count, sums);
    if (ebnn_is_wide(layer)) {
        uint32_t upper[NEURONS_AT_ONCE];

        dots_signed(weights, values + count, count, upper);
        for (uint32_t i = 0; i < NEURONS_AT_ONCE; i++) {
            sums[i] += upper[i] << DIGIT_BITS;
        }
    }
}

/* One neuron. */
static uint32_t dot(const ebnn_int8_layer *layer, const uint16_t *values, const int8_t *weights, uint32_t count)
{
    if (ebnn_is_wide(layer)) {
        return dot_unsigned(weights, values, count) + (dot_signed(weights, values + count, count) << DIGIT_BITS);
    }
    return (layer->input.format == EBNN_UINT16 ? dot_unsigned : dot_signed)(weights, values, count);
}

/* The neurons of one group at a pixel, four at a time; `weights` are the first one's. */
static void write_group(const ebnn_int8_layer *layer, const uint16_t *values, const int8_t *weights,
                        ebnn_writer *writer)
{
    const uint32_t count = ebnn_fan_in(layer);
    uint32_t left = layer->output.channels / layer->groups;

    for (; left >= NEURONS_AT_ONCE; left -= NEURONS_AT_ONCE, weights += NEURONS_AT_ONCE * (size_t)count) {
        uint32_t sums[NEURONS_AT_ONCE];

        dots(layer, values, weights, count, sums);
        for (uint32_t i = 0; i < NEURONS_AT_ONCE; i++) {
            ebnn_write_sum(writer, sums[i]);
        }
    }
    for (; left > 0; left--, weights += count) {
        ebnn_write_sum(writer, dot(layer, values, weights, count));
    }
}

static void gather_and_write(const ebnn_int8_layer *layer, const void *input, uint32_t row, uint32_t column,
                             uint16_t *values, ebnn_writer *writer)
{
    const size_t weights = ebnn_at(ebnn_fan_in(layer), layer->output.channels / layer->groups, 0);

    for (uint32_t group = 0; group < layer->groups; group++) {
        ebnn_gather_values(layer, input, group, row, column, 0, values);
        if (ebnn_is_wide(layer)) {
            ebnn_gather_values(layer, input, group, row, column, DIGIT_BITS, values + ebnn_fan_in(layer));
        }
        write_group(layer, values, layer->weights + group * weights, writer);
    }
}

static void write_depthwise(const ebnn_int8_layer *layer, const void *input, const ebnn_view *seen, ebnn_writer *writer)
{
    const uint32_t taps = ebnn_fan_in(layer);
    const uint32_t neurons = layer->output.channels / layer->groups;
    const int8_t *weights = layer->weights;

    for (uint32_t channel = 0; channel < layer->groups; channel++) {
        for (uint32_t neuron = 0; neuron < neurons; neuron++, weights += taps) {
            ebnn_write_sum(writer, (uint32_t)ebnn_depthwise_dot(layer, input, channel, weights, seen));
        }
    }
}

int32_t ebnn_int8(const ebnn_int8_layer *layer, const void *input, void *output, uint32_t *scratch)
{
    const int32_t status = ebnn_check_int8(layer);
    const bool depthwise = ebnn_is_depthwise(layer);

    if (status != EBNN_OK) {
        return status;
    }
    for (uint32_t row = 0; row < layer->output.height; row++) {
        ebnn_view seen;

        seen.y = ebnn_rows_at(&layer->window, &layer->input, row);
        for (uint32_t column = 0; column < layer->output.width; column++) {
            ebnn_writer writer = ebnn_sum_writer_at(&layer->output, &layer->steps, layer->border, output, row, column);

            if (depthwise) {
                seen.x = ebnn_columns_at(&layer->window, &layer->input, column);
                write_depthwise(layer, input, &seen, &writer);
            } else {
                gather_and_write(layer, input, row, column, (uint16_t *)scratch, &writer);
            }
        }
    }
    return EBNN_OK;
}
