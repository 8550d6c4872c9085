/*
 * ebnn_patch.h: the inputs of all neurons of a group at one output pixel, as 16-bit values beside the int8 weights.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_PATCH_H
#define EBNN_PATCH_H

#include "ebnn_internal.h"

/* Inputs of one neuron, which ebnn_check_int8 has seen to fit an int32. */
static inline uint32_t ebnn_fan_in(const ebnn_int8_layer *layer)
{
    return (uint32_t)layer->window.kernel_height * layer->window.kernel_width * (layer->input.channels / layer->groups);
}

/* Whether a layer's inputs are two digits of 16 bits each, of which the lower one is plain binary. */
static inline bool ebnn_is_wide(const ebnn_int8_layer *layer)
{
    return layer->input.format == EBNN_INT32;
}

/*
 * Fills `values`, one for each of a neuron's inputs in the order of its weights. They are two's complement, but for
 * EBNN_UINT16, whose values are plain binary. Of a wide layer's it is the digit from bit `shift` (0 or 16) on.
 */
void ebnn_gather_values(const ebnn_int8_layer *layer, const void *input, uint32_t group, uint32_t row, uint32_t column,
                        uint32_t shift, uint16_t *values);

#endif
