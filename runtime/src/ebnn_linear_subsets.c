/*
 * ebnn_linear_subsets.c: binary and ternary weights on inputs of several bits, by the sums of all subsets of four inputs.
 *
 * The sixteen sums of four inputs are made once for all neurons that read them, and a neuron looks up the one that its
 * four bits of weight name. Where sums have 16 bits, inputs of two neighbouring output pixels share a word, a half each,
 * and so do all sums of them: one look-up and one addition serve eight products.
 *
 * The weights' sum of the inputs is 2 P - U with P the sum of those whose weight is +1, and U that of all; of ternary
 * weights it is P + Q - U with Q the sum of those whose weight is not -1. Halves start from what keeps them from going
 * below zero.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_internal.h"
#include "ebnn_pooled.h"
#include "ebnn_writer.h"

#define INPUTS_TOGETHER UINT32_C(4)
#define SUBSETS (UINT32_C(1) << INPUTS_TOGETHER)
#define NEURONS_TOGETHER UINT32_C(8)
#define HALF_BITS 16
#define BOTH UINT32_C(0x10001)            /* times this, a number stands in both halves */
#define HIGHEST (UINT32_C(0x8000) * BOTH) /* the highest bit of each half */

typedef struct work_at {
    const ebnn_subsets_layer *layer;
    const void *input;
    uint32_t fan_in;
    uint32_t neurons;     /* of a group */
    uint32_t column_size; /* inputs of a column of the window */
    uint32_t seed;        /* what keeps each pixel's sums from going below zero */
    uint32_t start;       /* what words of sums start from */
    bool compared;        /* the sums of both pixels with their limits at once */
    uint32_t mask;        /* of a pixel's part of a word */
    uint32_t twice;       /* 1: P counts twice */
    uint32_t *tables;
    uint32_t *sums;   /* of a group's neurons, filled up to whole blocks */
    uint32_t *values; /* of a strip, column after column: (column, kernel row, channel) */
} work_at;

static uint32_t in_blocks(uint32_t count, uint32_t block)
{
    return (count + block - 1) & ~(block - 1);
}

/* Columns of the map that a strip's windows see, those of its second pixels left out. */
static uint32_t strip_columns(const ebnn_subsets_layer *layer)
{
    return (layer->strip - layer->lanes) * layer->window.stride_x + layer->window.kernel_width;
}

static uint32_t column_size(const ebnn_subsets_layer *layer)
{
    return layer->input.channels / layer->groups * layer->window.kernel_height;
}

static uint32_t strip_values(const ebnn_subsets_layer *layer)
{
    return strip_columns(layer) * column_size(layer);
}

uint32_t ebnn_linear_subsets_scratch_words(const ebnn_subsets_layer *layer)
{
    /* the last four inputs of a window may reach behind the strip */
    return layer->together * (SUBSETS / INPUTS_TOGETHER) +
           in_blocks(layer->output.channels / layer->groups, NEURONS_TOGETHER) + strip_values(layer) + INPUTS_TOGETHER -
           1;
}

/* A row of the map, from column x on (below 0: in the padding), to every `column_size`-th value. */
static void put_row(const work_at *at, size_t row, bool inside, int32_t x, uint32_t *values)
{
    const ebnn_subsets_layer *layer = at->layer;
    const ebnn_tensor *tensor = &layer->input;
    const uint32_t columns = strip_columns(layer);
    const uint32_t stride = at->column_size;
    const bool twice = layer->lanes == 2;
    const uint32_t second = twice ? layer->window.stride_x : 0;
    const uint32_t high = twice ? UINT32_C(1) << HALF_BITS : 0;
    const int32_t step = layer->strip == layer->lanes ? layer->window.dilation_x : 1;
    uint32_t column = 0;

    while (column < columns) {
        const int32_t run = (int32_t)tensor->width - (int32_t)second - x;

        if (inside && step == 1 && x >= 0 && run > 0) {
            const uint32_t left = columns - column;
            const uint32_t count = left < (uint32_t)run ? left : (uint32_t)run;
            const size_t index = row + (size_t)x;
            uint32_t *const end = values + (size_t)count * stride;

#define PUT_RUN(type)                                                                                                  \
    for (const type *from = (const type *)at->input + index; values != end; from++, values += stride) {                \
        *values = (uint32_t)from[0] + (uint32_t)from[second] * high;                                                   \
    }
            switch (tensor->format) {
            case EBNN_INT8:
                PUT_RUN(int8_t)
                break;
            case EBNN_UINT8:
                PUT_RUN(uint8_t)
                break;
            case EBNN_INT16:
                PUT_RUN(int16_t)
                break;
            case EBNN_UINT16:
                PUT_RUN(uint16_t)
                break;
            default:
                PUT_RUN(int32_t)
                break;
            }
#undef PUT_RUN
            column += count;
            x += (int32_t)count;
        } else {
            uint32_t packed = 0;
            int32_t each = x + (int32_t)second;

            for (uint32_t lane = layer->lanes; lane != 0; lane--, each -= (int32_t)second) {
                const bool there = inside && each >= 0 && each < (int32_t)tensor->width;
                const int32_t value =
                    there ? ebnn_load_element(tensor->format, at->input, row + (size_t)each) : layer->pad_value;

                packed = packed * high + (uint32_t)value;
            }
            *values = packed;
            values += stride;
            column++;
            x += step;
        }
    }
}

/* The values of a strip whose first output is (row, column). */
static void put_strip(const work_at *at, uint32_t group, uint32_t row, uint32_t column)
{
    const ebnn_subsets_layer *layer = at->layer;
    const ebnn_tensor *tensor = &layer->input;
    const ebnn_window *window = &layer->window;
    const uint32_t channels = tensor->channels / layer->groups;
    const int32_t x = (int32_t)(column * window->stride_x) - (int32_t)window->pad_left;
    uint32_t *values = at->values;

    for (uint32_t ky = 0; ky < window->kernel_height; ky++) {
        /* a row above the first one wraps to a huge number, and is outside too */
        const uint32_t y = row * window->stride_y + ky * window->dilation_y - window->pad_top;
        const bool inside = y < tensor->height;
        size_t index = ebnn_at(group * channels * tensor->height + (inside ? y : 0), tensor->width, 0);

        for (uint32_t channel = 0; channel < channels; channel++, values++) {
            put_row(at, index, inside, x, values);
            index += ebnn_map(tensor);
        }
    }
}

/* The sums of all subsets of each four of the values; returns that of all values. */
static uint32_t tabulate(const uint32_t *values, uint32_t count, uint32_t *table)
{
    uint32_t total = 0;

    for (;; values += INPUTS_TOGETHER, table += SUBSETS, count -= INPUTS_TOGETHER) {
        const uint32_t a = values[0], b = values[1], c = values[2], d = values[3];
        const uint32_t ab = a + b, cd = c + d;

        table[0] = 0;
        table[1] = a;
        table[2] = b;
        table[3] = ab;
        table[4] = c;
        table[5] = a + c;
        table[6] = b + c;
        table[7] = ab + c;
        table[8] = d;
        table[9] = a + d;
        table[10] = b + d;
        table[11] = ab + d;
        table[12] = cd;
        table[13] = a + cd;
        table[14] = b + cd;
        table[15] = ab + cd;
        if (count <= INPUTS_TOGETHER) {
            return total + table[(UINT32_C(1) << count) - 1];
        }
        total += table[SUBSETS - 1];
    }
}

/* Eight neurons' sums over `count` tables; a word has four bits of each neuron's weights. */
static void add_eight(uint32_t *sums, const uint32_t *table, const uint32_t *weights, uint32_t count)
{
    uint32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3], e = sums[4], f = sums[5], g = sums[6], h = sums[7];

    for (; count != 0; count--, table += SUBSETS) {
        const uint32_t word = *weights++;

        a += table[word % SUBSETS];
        b += table[(word >> 4) % SUBSETS];
        c += table[(word >> 8) % SUBSETS];
        d += table[(word >> 12) % SUBSETS];
        e += table[(word >> 16) % SUBSETS];
        f += table[(word >> 20) % SUBSETS];
        g += table[(word >> 24) % SUBSETS];
        h += table[word >> 28];
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
    sums[4] = e;
    sums[5] = f;
    sums[6] = g;
    sums[7] = h;
}

/* P, or P + Q, of a group's neurons at a window, whose inputs begin at `values`; returns U. All start from the seed. */
static uint32_t sum_window(const work_at *at, const uint32_t *values, size_t first)
{
    const ebnn_subsets_layer *layer = at->layer;
    const uint32_t fours = in_blocks(at->fan_in, INPUTS_TOGETHER) / INPUTS_TOGETHER;
    const uint32_t filled = in_blocks(at->neurons, NEURONS_TOGETHER);
    uint32_t total = layer->lanes == 2 ? at->seed * BOTH : at->seed;

    for (uint32_t neuron = 0; neuron < filled; neuron++) {
        at->sums[neuron] = at->start;
    }
    for (uint32_t done = 0; done < at->fan_in; done += layer->together) {
        const uint32_t left = at->fan_in - done;
        const uint32_t count = left < layer->together ? left : layer->together;
        const uint32_t tables = in_blocks(count, INPUTS_TOGETHER) / INPUTS_TOGETHER;
        size_t word = first + (size_t)(done / INPUTS_TOGETHER);

        total += tabulate(values + done, count, at->tables);
        for (uint32_t neuron = 0; neuron < filled; neuron += NEURONS_TOGETHER, word += (size_t)fours) {
            add_eight(at->sums + neuron, at->tables, layer->plus + word, tables);
            if (layer->not_minus != NULL) {
                add_eight(at->sums + neuron, at->tables, layer->not_minus + word, tables);
            }
        }
    }
    return total;
}

/*
 * Bits, by the limits of the image, of one of the pixels that share words. `base` is what is added to P twice, or to P + Q,
 * to make it the weights' sum.
 */
static void write_bits(const work_at *at, uint32_t base, uint32_t shift, const ebnn_pooled_at *pixel)
{
    const uint32_t mask = at->mask, twice = at->twice;
    const uint32_t *sums = at->sums;
    const int32_t *limits = at->layer->limits;
    const uint32_t *turned = at->layer->turned;

    for (uint32_t left = at->neurons, place = 0; left != 0; place++) {
        const uint32_t count = left < EBNN_WORD_BITS ? left : EBNN_WORD_BITS;
        const uint32_t *const end = sums + count;
        uint32_t word = 0;

        while (sums != end) {
            /* below zero where the sum is above the limit */
            const uint32_t rest = (uint32_t)*limits++ - base - ((*sums++ >> shift & mask) << twice);

            word = word >> 1 | (rest & ~(UINT32_MAX >> 1));
        }
        ebnn_put_pooled(pixel, place, word >> (EBNN_WORD_BITS - count) ^ *turned++);
        left -= count;
    }
}

/*
 * The same of both pixels at once. 2 P > limit - base is P > (limit - base) / 2, rounded down, so a half of `rest` has its
 * highest bit where its sum is not above the limit. `bases` are what is added to a limit, a half each, and twice the bias
 * that keeps the halves from going below zero; the sums have started from all the rest.
 */
static void write_both(const work_at *at, uint32_t bases, uint32_t pixels, const ebnn_pooled_at *places)
{
    const uint32_t *sums = at->sums;
    const int32_t *limits = at->layer->limits;
    const uint32_t *turned = at->layer->turned;

    for (uint32_t left = at->neurons, place = 0; left != 0; place++, turned++) {
        const uint32_t count = left < EBNN_WORD_BITS ? left : EBNN_WORD_BITS;
        uint32_t first = *turned, second = *turned;

        for (uint32_t done = 0; done < count; done += HALF_BITS) {
            const uint32_t now = count - done < HALF_BITS ? count - done : HALF_BITS;
            const uint32_t *const end = sums + now;
            uint32_t below = 0;

            while (sums != end) {
                const uint32_t rest = ((((uint32_t)*limits++ * BOTH + bases) >> 1) & ~HIGHEST) - *sums++;

                below = below >> 1 | (rest & HIGHEST);
            }
            first ^= (~below & 0xFFFF) >> (HALF_BITS - now) << done;
            second ^= ~below >> HALF_BITS >> (HALF_BITS - now) << done;
        }
        ebnn_put_pooled(&places[0], place, first);
        if (pixels == 2) {
            ebnn_put_pooled(&places[1], place, second);
        }
        left -= count;
    }
}

/* The sums themselves, or steps of other kinds. */
static void write_sums(const work_at *at, uint32_t base, uint32_t shift, ebnn_writer *writer)
{
    const uint32_t *from = at->sums;

    for (uint32_t left = at->neurons; left != 0;) {
        const uint32_t count = ebnn_run_of_word(writer, left);
        uint32_t sums[EBNN_WORD_BITS];

        for (uint32_t i = 0; i < count; i++) {
            sums[i] = ((*from++ >> shift & at->mask) << at->twice) + base;
        }
        ebnn_write_sums(writer, sums, count);
        left -= count;
    }
}

/* No smaller than half of what a limit is above the smallest sum at most, and even. */
static uint32_t bias_of(const work_at *at)
{
    return at->fan_in << at->layer->input.planes;
}

/* What a group's neurons make of a window, at as many pixels as there are. */
static void run_group(const work_at *at, const uint32_t *values, size_t first, uint32_t pixels, ebnn_writer *writers,
                      const ebnn_pooled_at *places)
{
    uint32_t total = sum_window(at, values, first);
    uint32_t shift = 0;

    if (at->compared) {
        write_both(at, total + at->seed * BOTH + bias_of(at) * BOTH, pixels, places);
        return;
    }
    for (; pixels != 0; pixels--, writers++, places++, shift += HALF_BITS, total >>= HALF_BITS) {
        const uint32_t base = at->seed - (total & at->mask) - (at->seed << at->twice);

        if (at->layer->limits != NULL) {
            write_bits(at, base, shift, places);
        } else {
            write_sums(at, base, shift, writers);
        }
    }
}

/* What halves must start from so that no sum of signed inputs is below zero. */
static uint32_t seed_of(const ebnn_subsets_layer *layer, uint32_t fan_in)
{
    if (layer->lanes == 1 || !ebnn_is_signed(layer->input.format)) {
        return 0;
    }
    return fan_in << (layer->input.planes - (layer->not_minus == NULL ? 1 : 0));
}

static work_at work_in(const ebnn_subsets_layer *layer, const void *input, uint32_t *scratch)
{
    work_at at;

    at.layer = layer;
    at.input = input;
    at.column_size = column_size(layer);
    at.fan_in = at.column_size * layer->window.kernel_width;
    at.neurons = layer->output.channels / layer->groups;
    at.seed = seed_of(layer, at.fan_in);
    at.mask = layer->lanes == 2 ? UINT32_C(0xFFFF) : UINT32_MAX;
    at.twice = layer->not_minus == NULL ? 1 : 0;
    /* a limit, a pixel's base and the bias fit a half together */
    at.compared = layer->lanes == 2 && at.twice != 0 && layer->limits != NULL && bias_of(&at) <= 0xFFFF / 3;
    at.start = at.seed;
    if (layer->lanes == 2) {
        at.start = (at.seed + (at.compared ? bias_of(&at) / 2 : 0)) * BOTH - (at.compared ? HIGHEST : 0);
    }
    at.tables = scratch;
    at.sums = at.tables + layer->together * (SUBSETS / INPUTS_TOGETHER);
    at.values = at.sums + in_blocks(at.neurons, NEURONS_TOGETHER);
    for (uint32_t i = 0; i < INPUTS_TOGETHER - 1; i++) {
        at.values[strip_values(layer) + i] = 0;
    }
    return at;
}

int32_t ebnn_linear_subsets(const ebnn_subsets_layer *layer, const void *input, void *output, uint32_t *scratch)
{
    const int32_t status = ebnn_check_subsets(layer);
    const ebnn_tensor *to = &layer->output;
    const uint32_t height = ebnn_pooled_extent(to->height, layer->pooled.height);
    const uint32_t width = ebnn_pooled_extent(to->width, layer->pooled.width);
    work_at at;
    size_t group_words;

    if (status != EBNN_OK) {
        return status;
    }
    at = work_in(layer, input, scratch);
    group_words = ebnn_at(in_blocks(at.neurons, NEURONS_TOGETHER) / NEURONS_TOGETHER,
                          in_blocks(at.fan_in, INPUTS_TOGETHER) / INPUTS_TOGETHER, 0);
    for (uint32_t row = 0; row < height; row++) {
        uint32_t left = 0; /* columns of the strip */
        const uint32_t *values = at.values;

        for (uint32_t column = 0; column < width; column += layer->lanes) {
            const uint32_t pixels = width - column < layer->lanes ? 1 : layer->lanes;
            ebnn_writer writers[2];
            ebnn_pooled_at places[2];

            for (uint32_t lane = 0; lane < pixels; lane++) {
                if (layer->limits != NULL) {
                    places[lane] = ebnn_pooled_at_pixel(&layer->pooled, to, output, row, column + lane);
                } else {
                    writers[lane] = ebnn_sum_writer_at(to, &layer->steps, layer->border, output, row, column + lane);
                }
            }
            for (uint32_t group = 0; group < layer->groups; group++) {
                if (left == 0) {
                    put_strip(&at, group, row, column);
                    values = at.values;
                }
                run_group(&at, values, (size_t)group * group_words, pixels, writers, places);
            }
            left = (left == 0 ? layer->strip : left) - layer->lanes;
            values += (size_t)layer->lanes * layer->window.stride_x * at.column_size;
        }
    }
    return EBNN_OK;
}
