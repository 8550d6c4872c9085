/*
 * ebnn_host_listed.c: a layer of bits over a batch by lists: which inputs of a vector are active, and what all neurons
 * answer to that.
 *
 * A block of vectors is listed first and then answered panel by panel, so that a panel's rows are read from memory once a
 * block.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_listed.h"

#include <string.h>

#include "ebnn_host_lists.h"
#include "ebnn_internal.h"

#define BLOCK_VECTORS 64

/* A block at work. */
typedef struct block_of_lists {
    ebnn_lister lister;
    ebnn_vector_list vectors[BLOCK_VECTORS];
    uint8_t *outputs[BLOCK_VECTORS]; /* of their pixels */
    size_t count;
    size_t stride;    /* places of a vector */
    uint16_t *places; /* vector after vector */
} block_of_lists;

size_t ebnn_host_listed_scratch_bytes(const ebnn_panels_layer *panels)
{
    return ebnn_lister_scratch_bytes(panels) + BLOCK_VECTORS * sizeof(uint16_t) * ebnn_most_places(panels);
}

/* All neurons' answers to the block's vectors. */
static void answer_block(const block_of_lists *work)
{
    const ebnn_lists *lists = work->lister.panels->lists;
    const size_t output_bytes = 4 * (size_t)ebnn_words(work->lister.panels->layer.output.channels);
    const size_t panels = ebnn_list_panels(work->lister.panels);
    const size_t limit_bytes = (size_t)(lists->planes + 1) * lists->bytes;
    ebnn_listing listing;

    listing.first = lists->input_rows == 1 ? 1 : 0;
    listing.planes = lists->planes;
    listing.bytes = lists->bytes;
    for (size_t panel = 0; panel < panels; panel++) {
        const size_t begin = panel * lists->bytes, left = output_bytes - begin;

        listing.rows = lists->rows + panel * ebnn_list_panel_bytes(lists);
        for (size_t i = 0; i < work->count; i++) {
            const ebnn_vector_list *vector = &work->vectors[i];
            const size_t table = 2 * (size_t)vector->zone + (vector->minus ? 1 : 0);
            uint8_t answers[EBNN_MOST_LIST_BYTES];

            listing.limits = lists->limits + (table * panels + panel) * limit_bytes;
            listing.places = work->places + i * work->stride;
            listing.blocks = vector->blocks;
            listing.seed = lists->inputs - vector->inputs;
            listing.answers = answers;
            work->lister.kernel->answer(&listing);
            memcpy(work->outputs[i] + begin, answers, left < lists->bytes ? left : lists->bytes);
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
    work.lister = ebnn_lister_of(panels, kernel, scratch);
    work.count = 0;
    work.stride = ebnn_most_places(panels);
    work.places = (uint16_t *)(void *)((uint8_t *)scratch + ebnn_lister_scratch_bytes(panels));
    for (size_t sample = 0; sample < batch; sample++) {
        for (uint32_t pixel = 0; pixel < pixels; pixel++) {
            work.outputs[work.count] = target.first + sample * target.stride + pixel * pixel_bytes;
            work.vectors[work.count] = ebnn_list_vector(&work.lister, source.first + sample * source.stride, pixel,
                                                        work.places + work.count * work.stride);
            if (++work.count == BLOCK_VECTORS) {
                answer_block(&work);
                work.count = 0;
            }
        }
    }
    answer_block(&work);
    return EBNN_OK;
}
