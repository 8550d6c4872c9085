/*
 * ebnn_host_sliced.h: dense layers of bits by their difference from a known run, in bit slices; private to the batch
 * executor.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_HOST_SLICED_H
#define EBNN_HOST_SLICED_H

#include "ebnn_host.h"
#include "ebnn_host_linear.h"
#include "ebnn_slicing.h"

/* What a layer's parts measure. */
typedef struct ebnn_sliced_shape {
    uint32_t inputs;
    uint32_t input_words;
    uint32_t output_words;
    uint32_t panels;
    uint32_t row_words;   /* of all panels */
    uint32_t panel_rows;  /* the row of zeros included */
    uint32_t limit_bytes; /* of a panel */
    uint32_t near_bytes;  /* of its near limits */
    size_t panel_changes; /* words of a sample's sliced changes in a panel */
    size_t most_places;   /* of a sample's list */
} ebnn_sliced_shape;

ebnn_sliced_shape ebnn_sliced_shape_of(const ebnn_sliced_layer *sliced);

/* Where a sample's limits in a panel lie, `bytes` each. */
static inline size_t ebnn_sliced_limits_at(const ebnn_sliced_shape *shape, size_t block, size_t panel, size_t sample,
                                           size_t bytes)
{
    return ((block * shape->panels + panel) * EBNN_KNOWN_SAMPLES + sample) * bytes;
}

/* Bytes of scratch that the function below needs for the layer. */
size_t ebnn_host_sliced_scratch_bytes(const ebnn_sliced_layer *sliced);

/* Sample i of the batch is sample `first` + i of the known run. */
int32_t ebnn_host_sliced(const ebnn_sliced_layer *sliced, ebnn_host_series source, ebnn_host_series target,
                         size_t batch, uint64_t first, const ebnn_kernel *kernel, void *scratch);

#endif
