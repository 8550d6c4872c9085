/*
 * ebnn_linear_active.c: dense layers and convolutions by lists of active inputs.
 *
 * With X the sum of the inputs u (see ebnn_active_lists.h) whose weight is +1, and U that of all, the weights' sum of u
 * is 2 X - U: a count of 32 neurons at once, each word of weights added as often as its input is listed. Of ternary
 * weights it is the count of those that are +1 and of those that are not -1, less U. What is the same for all inputs, a
 * neuron's threshold and the sum of its weights, the compiler has put together.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_active_lists.h"
#include "ebnn_counters.h"
#include "ebnn_pooled.h"
#include "ebnn_writer.h"

/* One output pixel. */
typedef struct window_at {
    const ebnn_active_layer *layer;
    const ebnn_active_lists *lists;
    uint32_t pixel;     /* of the strip, where the window begins */
    uint32_t x, y;      /* of the map, the strip's first column and the window's first row; they wrap before it */
    uint32_t missing;   /* its places that lie beside the map, where nothing is */
    uint32_t inputs;    /* of a neuron */
    uint32_t most;      /* the largest U that there can be */
    uint32_t seed;      /* what the counters start from: that, less U */
    uint32_t *counters; /* of 32 neurons: EBNN_COUNTER_WORDS, of which those behind the sums' planes are 0 */
} window_at;

/* The largest u, and what is subtracted from u, or from twice u, to make it an input. */
static uint32_t largest_value(const ebnn_active_layer *layer)
{
    return ebnn_is_packed(layer->input.format) ? layer->planes : (UINT32_C(1) << layer->planes) - 1;
}

static uint32_t offset_of_values(const ebnn_active_layer *layer)
{
    if (ebnn_is_packed(layer->input.format)) {
        return 1;
    }
    return ebnn_is_signed(layer->input.format) ? UINT32_C(1) << (layer->planes - 1) : 0;
}

/*
 * How many places of a window lie beside the map, where nothing is there; u of their inputs is 1. Where there are counters
 * of 32 neurons, adds the numbers of those places.
 */
static uint32_t missing_places(const window_at *at, uint32_t *counters, const uint32_t *numbers)
{
    const ebnn_active_layer *layer = at->layer;
    const ebnn_window *window = &layer->window;
    uint32_t y = at->y, missing = 0;

    for (uint32_t ky = window->kernel_height; ky != 0; ky--, y += window->dilation_y) {
        const uint32_t end = y < layer->input.height ? layer->input.width : 0;
        uint32_t x = at->x + at->pixel;

        for (uint32_t kx = window->kernel_width; kx != 0; kx--, x++, numbers += layer->place_planes) {
            if (x >= end) {
                missing++;
                if (counters != NULL) {
                    ebnn_add_numbers(counters, numbers, layer->place_planes);
                }
            }
        }
    }
    return missing;
}

/* The sum of all that a window lists. */
static uint32_t sum_of_listed(const ebnn_active_layer *layer, const ebnn_active_lists *lists, uint32_t pixel)
{
    const uint16_t *starts = ebnn_first_list(lists, pixel);
    uint32_t sum = 0;

    for (uint32_t ky = layer->window.kernel_height; ky != 0; ky--) {
        for (uint32_t plane = layer->planes - lists->planes; plane < layer->planes; plane++) {
            sum += ebnn_listed(lists, starts) << plane;
            starts = ebnn_next_list(lists, starts);
        }
    }
    return sum;
}

/* Adds all that a window lists to the counters of 32 neurons, whose weights begin at an address. */
static void add_window(const window_at *at, uint32_t *counters, const uint32_t *weights)
{
    const ebnn_active_layer *layer = at->layer;
    const ebnn_active_lists *lists = at->lists;
    const uintptr_t row = 4 * (uintptr_t)layer->window.kernel_width * (uintptr_t)layer->input.channels;
    /* places count from the first pixel of the strip, weights from that of the window */
    uintptr_t first = (uintptr_t)weights - 4 * (uintptr_t)at->pixel * (uintptr_t)layer->input.channels;
    const uint16_t *starts = ebnn_first_list(lists, at->pixel);

    for (uint32_t ky = layer->window.kernel_height; ky != 0; ky--, first += row) {
        for (uint32_t plane = layer->planes - lists->planes; plane < layer->planes; plane++) {
            const uint32_t count = ebnn_listed(lists, starts);

            if (count != 0) {
                ebnn_add_listed(counters + plane, lists->list + *starts, count, first);
            }
            starts = ebnn_next_list(lists, starts);
        }
    }
}

static void count_word(const window_at *at, uint32_t word)
{
    const ebnn_active_layer *layer = at->layer;
    const size_t first = ebnn_at(word, at->inputs, 0);
    uint32_t *counters = at->counters;
    uint32_t seed = at->seed << (EBNN_WORD_BITS - layer->sum_planes);

    for (uint32_t *counter = counters + layer->sum_planes; counter != counters; seed <<= 1) {
        *--counter = 0 - (seed >> (EBNN_WORD_BITS - 1));
    }
    if (layer->not_minus == NULL) {
        counters++;
    } else {
        add_window(at, counters, layer->not_minus + first);
    }
    if (at->missing != 0) {
        const uint32_t places = (uint32_t)layer->window.kernel_height * layer->window.kernel_width;

        missing_places(at, counters, layer->missing + ebnn_at(word, places * layer->place_planes, 0));
    }
    add_window(at, counters, layer->plus + first);
}

/* Steps into bits or trits by the tables of limits. */
static void write_reached(const window_at *at, uint32_t word, const ebnn_pooled_at *pixel)
{
    const ebnn_active_layer *layer = at->layer;
    const uint32_t planes = layer->sum_planes;
    const uint32_t steps = layer->steps.steps;
    const uint32_t channels = layer->output.channels;
    const uint32_t left = channels - word * EBNN_WORD_BITS;
    const uint32_t there = left < EBNN_WORD_BITS ? UINT32_MAX >> (EBNN_WORD_BITS - left) : UINT32_MAX;
    const uint32_t *limits = layer->limits + (size_t)word * steps * 2 * (planes + 1);
    uint32_t first, last;

    if (at->lists->turned) {
        limits += planes + 1;
    }
    first = ebnn_reached(at->counters, limits, planes);
    last = first;
    if (steps == 2) {
        last = ebnn_reached(at->counters, limits + 2 * (size_t)(planes + 1), planes);
        pixel->words[ebnn_words(channels) + word] = ~(first ^ last) & there;
    }
    ebnn_put_pooled(pixel, word, last & there);
}

/* The sums themselves, or steps of other kinds. */
static void write_sums(const window_at *at, uint32_t word, ebnn_writer *writer)
{
    const ebnn_active_layer *layer = at->layer;
    const uint32_t twice = ebnn_counts_twice(layer) ? 1 : 0;
    const uint32_t offset = offset_of_values(layer);
    const uint32_t factor = at->lists->turned ? 0 - (UINT32_C(1) << twice) : UINT32_C(1) << twice;
    const uint32_t weight = at->lists->turned ? (largest_value(layer) << twice) - offset : 0 - offset;
    const uint32_t left = layer->output.channels - word * EBNN_WORD_BITS;
    const uint32_t count = left < EBNN_WORD_BITS ? left : EBNN_WORD_BITS;
    const int32_t *totals = layer->totals + (size_t)word * EBNN_WORD_BITS;
    uint32_t sums[EBNN_WORD_BITS];

    ebnn_read_counters(at->counters, layer->sum_planes, count, sums);
    for (uint32_t *sum = sums; sum != sums + count; sum++) {
        *sum = weight * (uint32_t)*totals++ + factor * (*sum - at->most);
    }
    ebnn_write_sums(writer, sums, count);
}

static void run_pixel(window_at *at, void *output, uint32_t row, uint32_t column)
{
    const ebnn_active_layer *layer = at->layer;
    const ebnn_tensor *to = &layer->output;
    const uint32_t words = ebnn_words(to->channels);

    at->seed = at->most - sum_of_listed(layer, at->lists, at->pixel);
    if (layer->missing != NULL) {
        at->missing = missing_places(at, NULL, layer->missing);
        at->seed -= at->missing * layer->input.channels;
    }
    if (layer->limits != NULL) {
        const ebnn_pooled_at pixel = ebnn_pooled_at_pixel(&layer->pooled, to, output, row, column);

        for (uint32_t word = 0; word < words; word++) {
            count_word(at, word);
            write_reached(at, word, &pixel);
        }
    } else {
        ebnn_writer writer = ebnn_sum_writer_at(to, &layer->steps, layer->border, output, row, column);

        for (uint32_t word = 0; word < words; word++) {
            count_word(at, word);
            write_sums(at, word, &writer);
        }
    }
}

int32_t ebnn_linear_active(const ebnn_active_layer *layer, const void *input, void *output, uint32_t *scratch)
{
    const int32_t status = ebnn_check_active(layer);
    const ebnn_window *window = &layer->window;
    const uint32_t height = ebnn_pooled_extent(layer->output.height, layer->pooled.height);
    const uint32_t width = ebnn_pooled_extent(layer->output.width, layer->pooled.width);
    uint32_t counters[EBNN_COUNTER_WORDS];
    ebnn_active_lists lists;
    window_at at;

    if (status != EBNN_OK) {
        return status;
    }
    lists = ebnn_active_lists_in(layer, input, scratch);
    at.layer = layer;
    at.lists = &lists;
    at.counters = counters;
    for (uint32_t plane = 0; plane < EBNN_PLANES_BEHIND; plane++) {
        counters[layer->sum_planes + plane] = 0;
    }
    at.pixel = 0;
    at.inputs = (uint32_t)window->kernel_height * window->kernel_width * layer->input.channels;
    at.most = at.inputs * largest_value(layer);
    at.missing = 0;
    for (uint32_t first = 0; first < width; first += layer->strip) {
        const uint32_t left = width - first;
        const uint32_t columns = left < layer->strip ? left : layer->strip;

        at.x = first * window->stride_x - window->pad_left;
        for (uint32_t row = 0; row < height; row++) {
            ebnn_list_strip(&lists, row, first);
            at.pixel = 0;
            at.y = row * window->stride_y - window->pad_top;
            for (uint32_t column = 0; column < columns; column++, at.pixel += window->stride_x) {
                run_pixel(&at, output, row, first + column);
            }
        }
    }
    return EBNN_OK;
}
