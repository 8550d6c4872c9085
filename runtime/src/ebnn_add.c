/*
 * ebnn_add.c: the sum of two tensors, as a residual connection makes it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_internal.h"

int32_t ebnn_add(const ebnn_add_layer *layer, const void *input, const void *other, int32_t *output)
{
    const ebnn_tensor *from = &layer->input;
    const uint32_t pixels = from->height * from->width;
    int32_t status = ebnn_check_maps(from, &layer->output);
    size_t index = 0;

    if (status == EBNN_OK) {
        status = ebnn_check_maps(&layer->other, &layer->output);
    }
    if (status != EBNN_OK || layer->output.format != EBNN_INT32) {
        return status != EBNN_OK ? status : EBNN_ERROR_FORMAT;
    }
    if (from->channels != layer->output.channels || layer->other.channels != layer->output.channels) {
        return EBNN_ERROR_SHAPE;
    }
    for (uint32_t channel = 0; channel < from->channels; channel++) {
        for (uint32_t pixel = 0; pixel < pixels; pixel++, index++) {
            const uint32_t one = (uint32_t)ebnn_load_value(from, input, channel, pixel, pixels);

            output[index] = (int32_t)(one + (uint32_t)ebnn_load_value(&layer->other, other, channel, pixel, pixels));
        }
    }
    return EBNN_OK;
}
