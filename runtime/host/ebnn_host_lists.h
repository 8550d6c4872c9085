/*
 * ebnn_host_lists.h: the list of a vector's active inputs; private to the batch executor.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_HOST_LISTS_H
#define EBNN_HOST_LISTS_H

#include "ebnn_host.h"
#include "ebnn_kernel.h"

/* What is in a vector's list. */
typedef struct ebnn_vector_list {
    uint32_t blocks;
    uint32_t inputs; /* that are listed, at most half of those that the window sees */
    uint32_t zone;   /* of the window */
    bool minus;      /* whether they are those of -1 */
} ebnn_vector_list;

/* Places of a list at most, and of what is written behind its end. */
size_t ebnn_most_places(const ebnn_lists *lists);

/* Panels of neurons that the layer's lists have. */
size_t ebnn_list_panels(const ebnn_panels_layer *panels);

/* Bytes of a panel's rows. */
size_t ebnn_list_panel_bytes(const ebnn_lists *lists);

/*
 * Lists the inputs of +1 of a sample's window, or those of -1 where they are fewer, in whole blocks. `words` is scratch of
 * ebnn_linear_scratch_words(layer) words.
 */
ebnn_vector_list ebnn_list_vector(const ebnn_panels_layer *panels, const ebnn_kernel *kernel, const uint8_t *sample,
                                  uint32_t pixel, uint32_t *words, uint16_t *places);

#endif
