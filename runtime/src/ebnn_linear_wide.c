/*
 * ebnn_linear_wide.c: binary and ternary weights on inputs of so many bits that counting them plane by plane costs more
 * than adding them.
 *
 * The sums of all subsets of four inputs are made once for all neurons that read them. A neuron then looks up the sum
 * that four bits of its row name: eight times for a word of weights, whatever the inputs' width.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_internal.h"
#include "ebnn_writer.h"

#define INPUTS_TOGETHER UINT32_C(4)
#define SUBSETS (UINT32_C(1) << INPUTS_TOGETHER)
#define TABLE_WORDS (EBNN_WORD_BITS / INPUTS_TOGETHER * SUBSETS)

/* The neurons of one group at one pixel. */
typedef struct group_sums {
    const uint32_t *sign;
    const uint32_t *nonzero; /* NULL: binary weights */
    uint32_t row_words;
    uint32_t neurons;
    uint32_t word; /* of the rows, that is next */
    uint32_t *table;
    uint32_t *sums;
} group_sums;

uint32_t ebnn_linear_wide_scratch_words(const ebnn_linear_layer *layer)
{
    return TABLE_WORDS + layer->output.channels / layer->groups;
}

/* The sums of all subsets of each four of 32 inputs; returns that of all inputs. */
static uint32_t tabulate(const uint32_t *values, uint32_t *table)
{
    uint32_t total = 0;

    for (uint32_t first = 0; first < EBNN_WORD_BITS; first += INPUTS_TOGETHER, table += SUBSETS) {
        table[0] = 0;
        for (uint32_t i = 0; i < INPUTS_TOGETHER; i++) {
            const uint32_t known = UINT32_C(1) << i;

            for (uint32_t subset = 0; subset < known; subset++) {
                table[known + subset] = table[subset] + values[first + i];
            }
        }
        total += table[SUBSETS - 1];
    }
    return total;
}

static uint32_t sum_of(const uint32_t *table, uint32_t inputs)
{
    uint32_t sum = 0;

    for (; inputs != 0; inputs >>= INPUTS_TOGETHER, table += SUBSETS) {
        sum += table[inputs % SUBSETS];
    }
    return sum;
}

/* What the next 32 inputs give to each neuron: twice those of weight +1, less all of a weight that is not zero. */
static void add_word(group_sums *group, const uint32_t *values)
{
    const uint32_t total = tabulate(values, group->table);
    size_t at = group->word;

    for (uint32_t neuron = 0; neuron < group->neurons; neuron++, at += group->row_words) {
        if (group->nonzero == NULL) {
            group->sums[neuron] += 2 * sum_of(group->table, group->sign[at]) - total;
        } else {
            group->sums[neuron] += 2 * sum_of(group->table, group->sign[at] & group->nonzero[at]) -
                                   sum_of(group->table, group->nonzero[at]);
        }
    }
    group->word++;
}

/* All inputs of a group at one pixel, 32 at a time. */
static void add_inputs(const ebnn_linear_layer *layer, const void *input, uint32_t number, uint32_t row,
                       uint32_t column, group_sums *group)
{
    const ebnn_tensor *tensor = &layer->input;
    const ebnn_window *window = &layer->window;
    const uint32_t channels = tensor->channels / layer->groups;
    const size_t pixels = (size_t)tensor->height * tensor->width;
    uint32_t values[EBNN_WORD_BITS];
    uint32_t count = 0;

    for (uint32_t ky = 0; ky < window->kernel_height; ky++) {
        /* a row above the first one wraps to a huge number, and is outside too */
        const uint32_t y = row * window->stride_y + ky * window->dilation_y - window->pad_top;

        for (uint32_t kx = 0; kx < window->kernel_width; kx++) {
            const uint32_t x = column * window->stride_x + kx * window->dilation_x - window->pad_left;
            const bool inside = y < tensor->height && x < tensor->width;
            size_t index = number * channels * pixels + (size_t)y * tensor->width + x;

            for (uint32_t channel = 0; channel < channels; channel++, index += pixels) {
                const int32_t value = inside ? ebnn_load_element(tensor->format, input, index) : layer->pad_value;

                values[count++] = (uint32_t)value;
                if (count == EBNN_WORD_BITS) {
                    add_word(group, values);
                    count = 0;
                }
            }
        }
    }
    if (count != 0) {
        while (count < EBNN_WORD_BITS) {
            values[count++] = 0;
        }
        add_word(group, values);
    }
}

int32_t ebnn_linear_wide(const ebnn_linear_layer *layer, const void *input, void *output, uint32_t *scratch)
{
    const int32_t status = ebnn_check_linear(layer);
    group_sums group;

    if (status != EBNN_OK || ebnn_is_packed(layer->input.format)) {
        return status != EBNN_OK ? status : EBNN_ERROR_FORMAT;
    }
    group.row_words = layer->row_words;
    group.neurons = layer->output.channels / layer->groups;
    group.table = scratch;
    group.sums = scratch + TABLE_WORDS;
    for (uint32_t row = 0; row < layer->output.height; row++) {
        for (uint32_t column = 0; column < layer->output.width; column++) {
            ebnn_writer writer = ebnn_sum_writer_at(&layer->output, &layer->steps, layer->border, output, row, column);

            group.sign = layer->sign;
            group.nonzero = layer->nonzero;
            for (uint32_t number = 0; number < layer->groups; number++) {
                for (uint32_t neuron = 0; neuron < group.neurons; neuron++) {
                    group.sums[neuron] = 0;
                }
                group.word = 0;
                add_inputs(layer, input, number, row, column, &group);
                for (uint32_t neuron = 0; neuron < group.neurons; neuron++) {
                    ebnn_write_sum(&writer, group.sums[neuron]);
                }
                group.sign += (size_t)group.neurons * group.row_words;
                group.nonzero = group.nonzero != NULL ? group.nonzero + (size_t)group.neurons * group.row_words : NULL;
            }
        }
    }
    return EBNN_OK;
}
