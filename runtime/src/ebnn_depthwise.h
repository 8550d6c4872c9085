/*
 * ebnn_depthwise.h: dot products of one channel under a window.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_DEPTHWISE_H
#define EBNN_DEPTHWISE_H

#include "ebnn_view.h"

/* Whether ebnn_depthwise_dot can do the layer: one channel a group, elements, and padding that adds nothing. */
bool ebnn_is_depthwise(const ebnn_int8_layer *layer);

/* The sum, modulo 2^32, of a neuron whose kernel lies at `weights` over its channel's part of the map. */
uint32_t ebnn_depthwise_dot(const ebnn_int8_layer *layer, const void *input, uint32_t channel, const int8_t *weights,
                            const ebnn_view *seen);

#endif
