/*
 * ebnn_host_listed_sums.c: a layer of bits over a batch by lists, where more than signs is wanted: all neurons' sums.
 *
 * A block of vectors is listed first and then added up panel by panel, so that a panel's rows are read from memory once a
 * block.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_listed.h"

#include "ebnn_host_block.h"
#include "ebnn_host_lists.h"
#include "ebnn_internal.h"

/* Of few vectors the sums stay in the caches too. */
#define BLOCK_VECTORS 16

/* A block at work. */
typedef struct block_of_lists {
    ebnn_lister lister;
    ebnn_host_block at;
    ebnn_vector_list lists[BLOCK_VECTORS];
    size_t stride; /* places of a vector */
    uint16_t *places;
} block_of_lists;

static size_t sum_words(const ebnn_linear_layer *layer)
{
    return BLOCK_VECTORS * (size_t)layer->output.channels;
}

size_t ebnn_host_listed_sums_scratch_bytes(const ebnn_panels_layer *panels)
{
    return 4 * sum_words(&panels->layer) + ebnn_lister_scratch_bytes(panels) +
           BLOCK_VECTORS * sizeof(uint16_t) * ebnn_most_places(panels);
}

static void list_block(block_of_lists *work, ebnn_host_series source)
{
    for (size_t i = 0; i < work->at.count; i++) {
        const uint8_t *sample = source.first + ebnn_block_sample(&work->at, i) * source.stride;

        work->lists[i] =
            ebnn_list_vector(&work->lister, sample, ebnn_block_pixel(&work->at, i), work->places + i * work->stride);
    }
}

static void sum_block(const block_of_lists *work)
{
    const ebnn_lists *lists = work->lister.panels->lists;
    const size_t panels = ebnn_list_panels(work->lister.panels), panel_neurons = 8 * (size_t)lists->bytes;
    const uint32_t neurons = work->lister.panels->layer.output.channels;
    ebnn_listed_sums sums;

    sums.bytes = lists->bytes;
    /* a dot product is twice the sum of the listed inputs' weights, less that of all, or the opposite; the former is twice
     * the rows that are counted, or of two rows an input as many, less the inputs */
    sums.shift = 3 - lists->input_rows;
    for (size_t panel = 0; panel < panels; panel++) {
        const size_t first = panel * panel_neurons, left = neurons - first;

        sums.rows = lists->rows + panel * ebnn_list_panel_bytes(lists);
        sums.neurons = (uint32_t)(left < panel_neurons ? left : panel_neurons);
        for (size_t i = 0; i < work->at.count; i++) {
            const ebnn_vector_list *list = &work->lists[i];

            sums.places = work->places + i * work->stride;
            sums.blocks = list->blocks;
            sums.start = 0 - 2 * list->inputs;
            sums.turned = list->minus;
            sums.totals = lists->totals + (list->zone * panels + panel) * panel_neurons;
            sums.sums = work->at.sums + i * work->at.sums_stride + first;
            work->lister.kernel->sum_listed(&sums);
        }
    }
}

int32_t ebnn_host_listed_sums(const ebnn_panels_layer *panels, ebnn_host_series source, ebnn_host_series target,
                              size_t batch, const ebnn_kernel *kernel, void *scratch)
{
    const ebnn_linear_layer *layer = &panels->layer;
    const int32_t status = ebnn_check_linear(layer);
    block_of_lists work;

    if (status != EBNN_OK) {
        return status;
    }
    work.lister = ebnn_lister_of(panels, kernel, (uint32_t *)scratch + sum_words(layer));
    work.stride = ebnn_most_places(panels);
    work.places = (uint16_t *)(void *)((uint8_t *)scratch + 4 * sum_words(layer) + ebnn_lister_scratch_bytes(panels));
    work.at = ebnn_first_block(layer, target, batch, BLOCK_VECTORS, (uint32_t *)scratch);
    for (; work.at.sample < batch; ebnn_next_block(&work.at, target, batch, BLOCK_VECTORS)) {
        list_block(&work, source);
        sum_block(&work);
        ebnn_write_block(&work.at, target, kernel);
    }
    return EBNN_OK;
}
