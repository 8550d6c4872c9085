/*
 * ebnn_host_lists.c: see ebnn_host_lists.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_lists.h"

#include "ebnn_gather.h"

/* Places that lists are filled up to. */
static size_t whole_blocks(const ebnn_lists *lists)
{
    return EBNN_LISTED_BLOCK * (lists->bytes == EBNN_LEAST_LIST_BYTES ? 2U : 1U);
}

size_t ebnn_most_places(const ebnn_lists *lists)
{
    return (size_t)lists->inputs * lists->input_rows + whole_blocks(lists);
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

ebnn_vector_list ebnn_list_vector(const ebnn_panels_layer *panels, const ebnn_kernel *kernel, const uint8_t *sample,
                                  uint32_t pixel, uint32_t *words, uint16_t *places)
{
    const ebnn_linear_layer *layer = &panels->layer;
    const ebnn_lists *lists = panels->lists;
    const uint32_t row = pixel / layer->output.width, column = pixel % layer->output.width, count = layer->row_words;
    const ebnn_gathered gathered = ebnn_gather(layer, sample, 0, row, column, words);
    const uint32_t *there = words + count;
    ebnn_vector_list found;
    uint16_t *end;

    found.inputs = kernel->count_bits(words, count);
    found.zone = (uint32_t)lists->zones_y[row] + lists->zones_x[column];
    found.minus = found.inputs > gathered.total / 2;
    if (found.minus) {
        found.inputs = gathered.total - found.inputs;
        for (uint32_t word = 0; word < count; word++) {
            words[word] = there[word] & ~words[word];
        }
    }
    end = kernel->list_bits(words, count, lists->input_rows, places);
    for (; (size_t)(end - places) % whole_blocks(lists) != 0; end++) {
        *end = (uint16_t)(lists->inputs * lists->input_rows); /* the row of zeros */
    }
    found.blocks = (uint32_t)(end - places) / EBNN_LISTED_BLOCK;
    return found;
}
