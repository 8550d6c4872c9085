/*
 * ebnn_host_linear.h: layers of dot products over a batch; private to the batch executor.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_HOST_LINEAR_H
#define EBNN_HOST_LINEAR_H

#include "ebnn_host.h"
#include "ebnn_kernel.h"

/* A tensor of each sample: the first one's bytes and the distance to the next one's. */
typedef struct ebnn_host_series {
    uint8_t *first;
    size_t stride;
} ebnn_host_series;

/* Bytes of scratch that the functions below need for the layer. */
size_t ebnn_host_linear_scratch_bytes(const ebnn_linear_layer *layer);
size_t ebnn_host_int8_scratch_bytes(const ebnn_int8_layer *layer);

int32_t ebnn_host_linear(const ebnn_panels_layer *panels, ebnn_host_series source, ebnn_host_series target,
                         size_t batch, const ebnn_kernel *kernel, void *scratch);

int32_t ebnn_host_int8(const ebnn_int8_layer *layer, ebnn_host_series source, ebnn_host_series target, size_t batch,
                       const ebnn_kernel *kernel, void *scratch);

#endif
