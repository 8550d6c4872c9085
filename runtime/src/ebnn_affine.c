/*
 * ebnn_affine.c: the last layer's scores.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_internal.h"

int32_t ebnn_affine(const ebnn_affine_layer *layer, const int32_t *input, int32_t *output)
{
    const uint32_t pixels = layer->input.height * layer->input.width;
    const int32_t status = ebnn_check_tensor(&layer->input);
    size_t index = 0;

    if (status != EBNN_OK || layer->input.format != EBNN_INT32) {
        return status != EBNN_OK ? status : EBNN_ERROR_FORMAT;
    }
    for (uint32_t channel = 0; channel < layer->input.channels; channel++) {
        const uint32_t multiplier = (uint32_t)layer->multiplier[channel];
        const uint32_t offset = (uint32_t)layer->offset[channel];

        for (uint32_t pixel = 0; pixel < pixels; pixel++, index++) {
            output[index] = (int32_t)(multiplier * (uint32_t)input[index] + offset);
        }
    }
    return EBNN_OK;
}
