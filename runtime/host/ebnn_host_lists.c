/*
 * ebnn_host_lists.c: see ebnn_host_lists.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_lists.h"

#include "ebnn_gather.h"

/* Places that are copied at a time, whatever there are. */
#define COPIED UINT32_C(32)

static uint32_t round_up(uint32_t count, uint32_t to)
{
    return (count + to - 1) / to * to;
}

static bool windows_overlap(const ebnn_linear_layer *layer)
{
    const size_t taps = (size_t)layer->window.kernel_height * layer->window.kernel_width;
    const size_t outputs = (size_t)layer->output.height * layer->output.width;

    return outputs > 1 && taps * outputs > (size_t)layer->input.height * layer->input.width;
}

/* Rows of the map from a window's first one to its last. */
static uint32_t rows_seen(const ebnn_linear_layer *layer)
{
    return (layer->window.kernel_height - 1U) * layer->window.dilation_y + 1U;
}

static uint32_t pixel_places(const ebnn_panels_layer *panels)
{
    return round_up(panels->layer.input.channels * panels->lists->input_rows, COPIED) + COPIED;
}

/* Pixels whose lists are kept, and that of padding. */
static size_t kept_pixels(const ebnn_linear_layer *layer)
{
    return (size_t)rows_seen(layer) * layer->input.width + 1;
}

size_t ebnn_lister_scratch_bytes(const ebnn_panels_layer *panels)
{
    const ebnn_linear_layer *layer = &panels->layer;
    const size_t kept = windows_overlap(layer) ? kept_pixels(layer) : 0;

    return 4 * (size_t)ebnn_linear_scratch_words(layer) + sizeof(uint16_t) * kept * (pixel_places(panels) + 1U);
}

ebnn_lister ebnn_lister_of(const ebnn_panels_layer *panels, const ebnn_kernel *kernel, void *scratch)
{
    const ebnn_linear_layer *layer = &panels->layer;
    ebnn_lister lister = {panels, kernel, (uint32_t *)scratch, 0, 0, pixel_places(panels), false, NULL, NULL};

    if (windows_overlap(layer)) {
        lister.rows = rows_seen(layer);
        lister.places = (uint16_t *)(void *)(lister.words + ebnn_linear_scratch_words(layer));
        lister.counts = lister.places + kept_pixels(layer) * lister.stride;
    }
    return lister;
}

/* Places that lists are filled up to. */
static uint32_t whole_blocks(const ebnn_lists *lists)
{
    return EBNN_LISTED_BLOCK * (lists->bytes == EBNN_LEAST_LIST_BYTES ? 2U : 1U);
}

size_t ebnn_most_places(const ebnn_panels_layer *panels)
{
    return (size_t)panels->lists->inputs * panels->lists->input_rows + 2 * EBNN_LISTED_BLOCK;
}

size_t ebnn_list_panels(const ebnn_panels_layer *panels)
{
    const size_t output_bytes = 4 * (size_t)ebnn_words(panels->layer.output.channels);

    return (output_bytes + panels->lists->bytes - 1) / panels->lists->bytes;
}

size_t ebnn_list_panel_bytes(const ebnn_lists *lists)
{
    return ((size_t)lists->inputs * lists->input_rows + 1) * lists->bytes;
}

/* The list of a window by itself. */
static uint16_t *list_window(const ebnn_lister *lister, const uint8_t *sample, uint32_t row, uint32_t column,
                             ebnn_vector_list *found, uint16_t *places)
{
    const ebnn_linear_layer *layer = &lister->panels->layer;
    const ebnn_gathered gathered = ebnn_gather(layer, sample, 0, row, column, lister->words);
    const uint32_t *there = lister->words + layer->row_words;

    found->inputs = lister->kernel->count_bits(lister->words, layer->row_words);
    found->minus = found->inputs > gathered.total / 2;
    if (found->minus) {
        found->inputs = gathered.total - found->inputs;
        for (uint32_t word = 0; word < layer->row_words; word++) {
            lister->words[word] = there[word] & ~lister->words[word];
        }
    }
    return lister->kernel->list_bits(lister->words, layer->row_words, lister->panels->lists->input_rows, places);
}

/* Lists a pixel whose words are these, turned over by `flip`, as one of those that are kept. */
static void list_pixel(const ebnn_lister *lister, const uint32_t *words, uint32_t flip, size_t kept)
{
    const uint32_t channels = lister->panels->layer.input.channels, count = ebnn_words(channels);
    uint16_t *places = lister->places + kept * lister->stride, *end;

    for (uint32_t word = 0; word < count; word++) {
        lister->words[word] = (words == NULL ? 0 : words[word]) ^ flip;
    }
    if (channels % EBNN_WORD_BITS != 0) {
        lister->words[count - 1] &= (UINT32_C(1) << channels % EBNN_WORD_BITS) - 1;
    }
    end = lister->kernel->list_bits(lister->words, count, lister->panels->lists->input_rows, places);
    lister->counts[kept] = (uint16_t)(end - places);
}

/* What is listed of a sample, and of padding. */
static void begin_sample(ebnn_lister *lister, const uint32_t *sample)
{
    const ebnn_linear_layer *layer = &lister->panels->layer;
    const size_t pixels = (size_t)layer->input.height * layer->input.width;
    const size_t active = lister->kernel->count_bits(sample, pixels * ebnn_words(layer->input.channels));
    const size_t padding = (size_t)lister->rows * layer->input.width;

    lister->next = 0;
    lister->minus = active > pixels * layer->input.channels / 2;
    list_pixel(lister, NULL, layer->pad_value == (lister->minus ? -1 : 1) ? UINT32_MAX : 0, padding);
}

/* Lists rows of the map up to `last`. */
static void list_rows(ebnn_lister *lister, const uint32_t *sample, uint32_t last)
{
    const ebnn_tensor *input = &lister->panels->layer.input;
    const size_t pixel_words = ebnn_words(input->channels);

    for (; lister->next <= last && lister->next < input->height; lister->next++) {
        const uint32_t *row = sample + (size_t)lister->next * input->width * pixel_words;

        for (uint32_t x = 0; x < input->width; x++) {
            list_pixel(lister, row + x * pixel_words, lister->minus ? UINT32_MAX : 0,
                       (size_t)(lister->next % lister->rows) * input->width + x);
        }
    }
}

static inline void copy_places(uint16_t *restrict to, const uint16_t *restrict from, uint32_t first)
{
    for (uint32_t i = 0; i < COPIED; i++) {
        to[i] = (uint16_t)(from[i] + first);
    }
}

/* Copies the list of a pixel that is kept, with `first` added. Entries behind the end are written too. */
static inline uint16_t *copy_list(const ebnn_lister *lister, size_t kept, uint32_t first, uint16_t *places)
{
    const uint16_t *from = lister->places + kept * lister->stride;
    const uint32_t count = lister->counts[kept];

    for (uint32_t begin = 0; begin < count; begin += COPIED) {
        copy_places(places + begin, from + begin, first);
    }
    return places + count;
}

/* The list of a window from those of its pixels. */
static uint16_t *join_lists(const ebnn_lister *lister, uint32_t row, uint32_t column, uint16_t *places)
{
    const ebnn_linear_layer *layer = &lister->panels->layer;
    const ebnn_window *window = &layer->window;
    const uint32_t width = layer->input.width, tap_rows = layer->input.channels * lister->panels->lists->input_rows;
    const size_t padding = (size_t)lister->rows * width;
    uint32_t first = 0;

    for (uint32_t ky = 0; ky < window->kernel_height; ky++) {
        /* a row above the first one wraps to a huge number, and is outside too */
        const uint32_t y = row * window->stride_y + ky * window->dilation_y - window->pad_top;

        for (uint32_t kx = 0; kx < window->kernel_width; kx++, first += tap_rows) {
            const uint32_t x = column * window->stride_x + kx * window->dilation_x - window->pad_left;
            const bool inside = y < layer->input.height && x < width;

            places = copy_list(lister, inside ? (size_t)(y % lister->rows) * width + x : padding, first, places);
        }
    }
    return places;
}

ebnn_vector_list ebnn_list_vector(ebnn_lister *lister, const uint8_t *sample, uint32_t pixel, uint16_t *places)
{
    const ebnn_linear_layer *layer = &lister->panels->layer;
    const ebnn_lists *lists = lister->panels->lists;
    const uint32_t row = pixel / layer->output.width, column = pixel % layer->output.width;
    ebnn_vector_list found = {0, 0, 0, lister->minus};
    uint16_t *end;

    found.zone = (uint32_t)lists->zones_y[row] + lists->zones_x[column];
    if (lister->rows == 0) {
        end = list_window(lister, sample, row, column, &found, places);
    } else {
        const uint32_t *map = (const uint32_t *)(const void *)sample;
        const uint32_t bottom =
            row * layer->window.stride_y + lister->rows; /* one behind the last row, padding included */

        if (pixel == 0) {
            begin_sample(lister, map);
            found.minus = lister->minus;
        }
        if (bottom > layer->window.pad_top) {
            list_rows(lister, map, bottom - layer->window.pad_top - 1);
        }
        end = join_lists(lister, row, column, places);
        found.inputs = (uint32_t)(end - places) / lists->input_rows;
    }
    for (uint32_t i = 0; i < 2 * EBNN_LISTED_BLOCK; i++) {
        end[i] = (uint16_t)(lists->inputs * lists->input_rows); /* the row of zeros */
    }
    found.blocks = round_up((uint32_t)(end - places), whole_blocks(lists)) / EBNN_LISTED_BLOCK;
    return found;
}
