/*
 * ebnn_add.c: the sum of two tensors, as a residual connection makes it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_values.h"

int32_t ebnn_add(const ebnn_add_layer *layer, const void *input, const void *other, int32_t *output)
{
    const ebnn_tensor *from = &layer->input;
    const uint32_t pixels = from->height * from->width;
    int32_t status = ebnn_check_maps(from, &layer->output);

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
        for (uint32_t pixel = 0; pixel < pixels; pixel += EBNN_RUN) {
            const uint32_t count = ebnn_run(pixels, pixel);
            int32_t one_run[EBNN_RUN], other_run[EBNN_RUN];
            const int32_t *one = ebnn_values(from, input, channel, pixel, count, one_run);
            const int32_t *two = ebnn_values(&layer->other, other, channel, pixel, count, other_run);

            for (uint32_t i = 0; i < count; i++) {
                output[i] = (int32_t)((uint32_t)one[i] + (uint32_t)two[i]);
            }
            output += count;
        }
    }
    return EBNN_OK;
}
