/*
 * ebnn_host_listed.c: a layer of bits over a batch by lists: which inputs of a vector are active, and what all neurons
 * answer to that.
 *
 * A block of vectors is listed first and then answered panel by panel, so that a panel's rows are read from memory once a
 * block. Half of the inputs are listed at most.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_listed.h"

#include <string.h>

#include "ebnn_gather.h"

#define BLOCK_VECTORS 64

/* A vector's list: what its counters start from, and which limits they must reach. */
typedef struct vector_list {
    uint8_t *output; /* of its pixel */
    uint32_t blocks;
    uint32_t seed;
    uint32_t limits; /* zones before it, and whether inputs of -1 are listed, in tables of limits */
} vector_list;

/* A block at work. */
typedef struct block_of_lists {
    const ebnn_panels_layer *panels;
    const ebnn_kernel *kernel;
    vector_list vectors[BLOCK_VECTORS];
    size_t count;
    size_t stride;    /* places of a vector */
    uint32_t *words;  /* the gathered inputs of a window, and which of them are there */
    uint16_t *places; /* vector after vector */
} block_of_lists;

/* Places of a list at most; up to sixteen are written at a time. */
static size_t most_places(const ebnn_lists *lists)
{
    return (size_t)lists->inputs * lists->input_rows + EBNN_LISTED_BLOCK;
}

size_t ebnn_host_listed_scratch_bytes(const ebnn_panels_layer *panels)
{
    return 4 * (size_t)ebnn_linear_scratch_words(&panels->layer) +
           BLOCK_VECTORS * sizeof(uint16_t) * most_places(panels->lists);
}

/* The list of the gathered inputs of +1, or of those of -1 where they are fewer. */
static void take_vector(block_of_lists *work, const uint8_t *sample, uint32_t pixel)
{
    const ebnn_linear_layer *layer = &work->panels->layer;
    const ebnn_lists *lists = work->panels->lists;
    const uint32_t row = pixel / layer->output.width, column = pixel % layer->output.width, words = layer->row_words;
    const ebnn_gathered gathered = ebnn_gather(layer, sample, 0, row, column, work->words);
    const uint32_t *there = work->words + words;
    vector_list *vector = &work->vectors[work->count];
    uint16_t *places = work->places + work->count * work->stride, *list = places;
    uint32_t listed = work->kernel->count_bits(work->words, words);
    const bool minus = listed > gathered.total / 2;

    if (minus) {
        listed = gathered.total - listed;
        for (uint32_t word = 0; word < words; word++) {
            work->words[word] = there[word] & ~work->words[word];
        }
    }
    list = work->kernel->list_bits(work->words, words, lists->input_rows, list);
    for (; (list - places) % EBNN_LISTED_BLOCK != 0; list++) {
        *list = (uint16_t)(lists->inputs * lists->input_rows); /* the row of zeros */
    }
    vector->blocks = (uint32_t)(list - places) / EBNN_LISTED_BLOCK;
    vector->seed = lists->inputs - listed;
    vector->limits = 2U * ((uint32_t)lists->zones_y[row] + lists->zones_x[column]) + (minus ? 1 : 0);
}

/* All neurons' answers to the block's vectors. */
static void answer_block(const block_of_lists *work)
{
    const ebnn_lists *lists = work->panels->lists;
    const size_t output_bytes = 4 * (size_t)ebnn_words(work->panels->layer.output.channels);
    const size_t panels = (output_bytes + lists->bytes - 1) / lists->bytes;
    const size_t panel_bytes = ((size_t)lists->inputs * lists->input_rows + 1) * lists->bytes;
    const size_t limit_bytes = (size_t)(lists->planes + 1) * lists->bytes;
    ebnn_listing listing;

    listing.first = lists->input_rows == 1 ? 1 : 0;
    listing.planes = lists->planes;
    listing.bytes = lists->bytes;
    for (size_t panel = 0; panel < panels; panel++) {
        const size_t begin = panel * lists->bytes, left = output_bytes - begin;

        listing.rows = lists->rows + panel * panel_bytes;
        for (size_t i = 0; i < work->count; i++) {
            const vector_list *vector = &work->vectors[i];
            uint8_t answers[EBNN_MOST_LIST_BYTES];

            listing.limits = lists->limits + ((size_t)vector->limits * panels + panel) * limit_bytes;
            listing.places = work->places + i * work->stride;
            listing.blocks = vector->blocks;
            listing.seed = vector->seed;
            listing.answers = answers;
            work->kernel->answer(&listing);
            memcpy(vector->output + begin, answers, left < lists->bytes ? left : lists->bytes);
        }
    }
}

int32_t ebnn_host_listed(const ebnn_panels_layer *panels, ebnn_host_series source, ebnn_host_series target,
                         size_t batch, const ebnn_kernel *kernel, void *scratch)
{
    const ebnn_linear_layer *layer = &panels->layer;
    const uint32_t pixels = layer->output.height * layer->output.width;
    const size_t pixel_bytes = 4 * (size_t)ebnn_words(layer->output.channels);
    const int32_t status = ebnn_check_linear(layer);
    block_of_lists work;

    if (status != EBNN_OK) {
        return status;
    }
    work.panels = panels;
    work.kernel = kernel;
    work.count = 0;
    work.stride = most_places(panels->lists);
    work.words = (uint32_t *)scratch;
    work.places = (uint16_t *)(work.words + ebnn_linear_scratch_words(layer));
    for (size_t sample = 0; sample < batch; sample++) {
        for (uint32_t pixel = 0; pixel < pixels; pixel++) {
            work.vectors[work.count].output = target.first + sample * target.stride + pixel * pixel_bytes;
            take_vector(&work, source.first + sample * source.stride, pixel);
            if (++work.count == BLOCK_VECTORS) {
                answer_block(&work);
                work.count = 0;
            }
        }
    }
    answer_block(&work);
    return EBNN_OK;
}
