/*
 * ebnn_sliced_known.c: what a sliced layer points to: its rows as a chip has them, and the limits of the known run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "ebnn_host_sliced.h"
#include "ebnn_internal.h"

/* Bit `neuron` of a panel's row. */
typedef struct row_bit {
    uint8_t *byte;
    uint32_t shift;
} row_bit;

static bool get_bit(row_bit at, size_t row, uint32_t bytes)
{
    return (at.byte[row * bytes] >> at.shift & 1) != 0;
}

static void set_bit(row_bit at, size_t row, uint32_t bytes, bool value)
{
    uint8_t *byte = &at.byte[row * bytes];

    *byte = (uint8_t)((*byte & ~(1U << at.shift)) | (value ? 1U : 0U) << at.shift);
}

/* The rows of a wrong weight's input, with either value. */
static void turn_weight(const ebnn_sliced_layer *sliced, const ebnn_wrong_weight *wrong, row_bit at)
{
    const uint32_t rows = sliced->input_rows, bytes = sliced->bytes;
    const size_t minus = (size_t)2 * wrong->input * rows, plus = minus + rows;
    int32_t weight = -1;

    if (rows == 1) {
        weight += get_bit(at, plus, bytes) ? 2 : 0;
    } else {
        weight += (get_bit(at, plus, bytes) ? 1 : 0) + (get_bit(at, plus + 1, bytes) ? 1 : 0);
    }
    weight += wrong->change[1];
    set_bit(at, plus, bytes, weight > 0);
    set_bit(at, minus, bytes, weight < 0);
    if (rows == 2) {
        set_bit(at, plus + 1, bytes, weight >= 0);
        set_bit(at, minus + 1, bytes, weight <= 0);
    }
}

void ebnn_sliced_rows(const ebnn_sliced_layer *sliced, const ebnn_lists *lists, uint8_t *rows)
{
    const ebnn_sliced_shape shape = ebnn_sliced_shape_of(sliced);
    const uint32_t bytes = sliced->bytes, input_rows = sliced->input_rows;
    const size_t panel_bytes = (size_t)shape.panel_rows * bytes;

    for (uint32_t panel = 0; panel < shape.panels; panel++) {
        const uint8_t *from = lists->rows + (size_t)panel * (shape.inputs * input_rows + 1) * bytes;
        uint8_t *to = rows + panel * panel_bytes;

        for (uint32_t input = 0; input < shape.inputs; input++, to += 2 * (size_t)input_rows * bytes) {
            for (uint32_t row = 0; row < input_rows; row++, from += bytes) {
                uint8_t *minus = to + (size_t)(input_rows - 1 - row) * bytes;

                memcpy(to + (size_t)(input_rows + row) * bytes, from, bytes);
                for (uint32_t i = 0; i < bytes; i++) {
                    minus[i] = (uint8_t)~from[i];
                }
            }
        }
        memset(to, 0, bytes);
    }
    for (size_t k = 0; k < sliced->wrong_count; k++) {
        const uint32_t neuron = sliced->wrong[k].neuron, in_panel = neuron % (8 * bytes);
        const row_bit at = {rows + neuron / (8 * bytes) * panel_bytes + in_panel / 8, in_panel % 8};

        turn_weight(sliced, &sliced->wrong[k], at);
    }
}

/* What a counter must reach for the sum to reach the step, and inverted; `sum` is within the inputs' number. */
static uint32_t inverted_limit(const ebnn_sliced_layer *sliced, uint32_t neuron, uint32_t sum, bool down)
{
    const int32_t most = (int32_t)sliced->layer.input.channels + 1;
    const int32_t threshold = sliced->layer.steps.thresholds[neuron];
    int32_t wanted = down ? -(threshold < -most ? -most : threshold) : threshold;

    wanted = wanted > most ? most : wanted < -most ? -most : wanted;
    return ~(uint32_t)(2 * most - 1 + wanted - (int32_t)sum) & ((UINT32_C(1) << sliced->planes) - 1);
}

void ebnn_sliced_limits_of(const ebnn_sliced_layer *sliced, const uint32_t *sums, size_t count, uint8_t *limits)
{
    const ebnn_slicing_kernel *slicing = ebnn_find_slicing(false);
    const ebnn_sliced_shape shape = ebnn_sliced_shape_of(sliced);
    const uint32_t neurons = sliced->layer.output.channels, words = sliced->bytes / 4;

    for (size_t sample = 0; sample < count; sample++, sums += neurons) {
        for (uint32_t word = 0; word < shape.row_words; word++) {
            uint32_t *panel =
                (uint32_t *)(void *)(limits + ebnn_sliced_limits_at(&shape, 0, word / words, sample)) + word % words;
            uint32_t values[EBNN_SLICED_NEURONS], turned = 0;

            for (uint32_t i = 0; i < EBNN_SLICED_NEURONS; i++) {
                const uint32_t neuron = word * EBNN_SLICED_NEURONS + i;
                const bool there = neuron < neurons, down = there && ebnn_bit(sliced->layer.steps.directions, neuron);

                /* a neuron that is not there never reaches its limit, the largest that there is */
                values[i] = there ? inverted_limit(sliced, neuron, sums[neuron], down) : 0;
                turned |= (down ? UINT32_C(1) : 0) << i;
            }
            slicing->slice_values(values, sliced->planes, panel, words);
            panel[sliced->planes * words] = turned;
        }
    }
}
