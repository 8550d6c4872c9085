/*
 * ebnn_host_listed.h: layers of dot products by lists of their active inputs; private to the batch executor.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_HOST_LISTED_H
#define EBNN_HOST_LISTED_H

#include "ebnn_host_linear.h"

/* Bytes of scratch for a layer that has lists. */
size_t ebnn_host_listed_scratch_bytes(const ebnn_panels_layer *panels);
size_t ebnn_host_listed_sums_scratch_bytes(const ebnn_panels_layer *panels);

/* Where there are limits: answers. */
int32_t ebnn_host_listed(const ebnn_panels_layer *panels, ebnn_host_series source, ebnn_host_series target,
                         size_t batch, const ebnn_kernel *kernel, void *scratch);

/* What the layer makes of its sums. Only with kernels that have `sum_listed`. */
int32_t ebnn_host_listed_sums(const ebnn_panels_layer *panels, ebnn_host_series source, ebnn_host_series target,
                              size_t batch, const ebnn_kernel *kernel, void *scratch);

#endif
