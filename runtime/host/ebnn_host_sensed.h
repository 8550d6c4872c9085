/*
 * ebnn_host_sensed.h: layers whose weights are read off a chip with errors, over a batch; private to the batch executor.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_HOST_SENSED_H
#define EBNN_HOST_SENSED_H

#include "ebnn_host.h"
#include "ebnn_host_linear.h"

/* Bytes of scratch that the function below needs for the layer. */
size_t ebnn_host_sensed_scratch_bytes(const ebnn_sensed_layer *sensed);

/* Sample i is inference `first_inference` + i of the chip. */
int32_t ebnn_host_sensed(const ebnn_sensed_layer *sensed, ebnn_host_series source, ebnn_host_series target,
                         size_t batch, uint64_t first_inference, const ebnn_kernel *kernel, void *scratch);

#endif
