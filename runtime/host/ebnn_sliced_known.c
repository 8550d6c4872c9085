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
}

void ebnn_sliced_turn_rows(const ebnn_sliced_layer *sliced, uint8_t *rows)
{
    const ebnn_sliced_shape shape = ebnn_sliced_shape_of(sliced);
    const uint32_t bytes = sliced->bytes;
    const size_t panel_bytes = (size_t)shape.panel_rows * bytes;

    for (size_t k = 0; k < sliced->wrong_count; k++) {
        const uint32_t neuron = sliced->wrong[k].neuron, in_panel = neuron % (8 * bytes);
        const row_bit at = {rows + neuron / (8 * bytes) * panel_bytes + in_panel / 8, in_panel % 8};

        turn_weight(sliced, &sliced->wrong[k], at);
    }
}

/* What the sums of 32 neurons have to reach. */
typedef struct sums_steps {
    int32_t step[EBNN_SLICED_NEURONS];
    uint32_t count;  /* of neurons that are there */
    uint32_t turned; /* bit = neuron: its answer is turned over */
} sums_steps;

static sums_steps steps_of(const ebnn_sliced_layer *sliced, uint32_t word)
{
    const ebnn_steps *steps = &sliced->layer.steps;
    const int32_t most = (int32_t)sliced->layer.input.channels + 1; /* beyond all sums */
    const uint32_t first = word * EBNN_SLICED_NEURONS, neurons = sliced->layer.output.channels;
    sums_steps found = {{0}, 0, 0};

    for (; found.count < EBNN_SLICED_NEURONS && first + found.count < neurons; found.count++) {
        const uint32_t down = ebnn_bit(steps->directions, first + found.count);
        int32_t wanted = steps->thresholds[first + found.count];

        wanted = wanted > most ? most : wanted < -most ? -most : wanted;
        found.step[found.count] = down != 0 ? -wanted : wanted;
        found.turned |= down << found.count;
    }
    return found;
}

/*
 * Limits of so many planes. They stand inverted: how far a sum is above its step, no further than `most` either way, less
 * `below`, which a counter holds where no input changes, and 1 more.
 */
static void limits_of(const ebnn_sliced_layer *sliced, const uint32_t *sums, size_t count, uint32_t planes,
                      int32_t most, int32_t below, uint8_t *limits)
{
    const ebnn_slicing_kernel *slicing = ebnn_find_slicing(false);
    const ebnn_sliced_shape shape = ebnn_sliced_shape_of(sliced);
    const uint32_t neurons = sliced->layer.output.channels, words = sliced->bytes / 4;
    const uint32_t mask = (UINT32_C(1) << planes) - 1;

    for (uint32_t word = 0; word < shape.row_words; word++) {
        const sums_steps steps = steps_of(sliced, word);
        uint32_t values[EBNN_SLICED_NEURONS] = {
            0}; /* those that are not there never reach the largest limit there is */

        for (size_t sample = 0; sample < count; sample++) {
            const uint32_t *of_sample = sums + sample * neurons + (size_t)word * EBNN_SLICED_NEURONS;
            uint8_t *panel =
                limits + ebnn_sliced_limits_at(&shape, 0, word / words, sample, (planes + 1) * sliced->bytes);
            uint32_t *at = (uint32_t *)(void *)panel + word % words;

            for (uint32_t i = 0; i < steps.count; i++) {
                const int32_t apart = (int32_t)of_sample[i] - steps.step[i];

                values[i] = (uint32_t)((apart > most ? most : apart < -most ? -most : apart) - below) & mask;
            }
            slicing->slice_values(values, planes, at, words);
            at[planes * words] = steps.turned;
        }
    }
}

void ebnn_sliced_limits_of(const ebnn_sliced_layer *sliced, const uint32_t *sums, size_t count, uint8_t *limits)
{
    const int32_t all = 2 * ((int32_t)sliced->layer.input.channels + 1);

    limits_of(sliced, sums, count, sliced->planes, all, all, limits);
}

void ebnn_sliced_near_limits_of(const ebnn_sliced_layer *sliced, const uint32_t *sums, size_t count, uint8_t *limits)
{
    limits_of(sliced, sums, count, EBNN_NEAR_PLANES, EBNN_NEAR_MOST, 2 * EBNN_NEAR_MOST, limits);
}
