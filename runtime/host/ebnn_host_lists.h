/*
 * ebnn_host_lists.h: the lists of active inputs of a layer's windows; private to the batch executor.
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
    uint32_t inputs; /* that are listed */
    uint32_t zone;   /* of the window */
    bool minus;      /* whether they are those of -1 */
} ebnn_vector_list;

/*
 * Lists windows of one sample after the other. Where windows overlap, an input pixel's active channels are listed once, and
 * a window's list is put together from those of its pixels.
 */
typedef struct ebnn_lister {
    const ebnn_panels_layer *panels;
    const ebnn_kernel *kernel;
    uint32_t *words;  /* the gathered inputs of a window, and which of them are there, or a pixel's active channels */
    uint32_t rows;    /* of the map that are kept, as many as a window sees; 0: windows are listed one by one */
    uint32_t next;    /* the first row of the map that has not been listed */
    uint32_t stride;  /* places of a pixel */
    bool minus;       /* what is listed of all of the map */
    uint16_t *places; /* (row % rows, column, stride), and those of a pixel of padding */
    uint16_t *counts; /* (row % rows, column), and that of padding: how many places there are */
} ebnn_lister;

size_t ebnn_lister_scratch_bytes(const ebnn_panels_layer *panels);
ebnn_lister ebnn_lister_of(const ebnn_panels_layer *panels, const ebnn_kernel *kernel, void *scratch);

/* Places of a list at most, and of what is written behind its end. */
size_t ebnn_most_places(const ebnn_panels_layer *panels);

/* Panels of neurons that the layer's lists have. */
size_t ebnn_list_panels(const ebnn_panels_layer *panels);

/* Bytes of a panel's rows. */
size_t ebnn_list_panel_bytes(const ebnn_lists *lists);

/*
 * Lists the inputs of +1 of a sample's window, or those of -1 where they are fewer, of the window or of all of the map, in
 * whole blocks. A sample's windows come by rising pixel, the first one first.
 */
ebnn_vector_list ebnn_list_vector(ebnn_lister *lister, const uint8_t *sample, uint32_t pixel, uint16_t *places);

#endif
