/*
 * ebnn_threshold.c: a step function on its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_writer.h"

int32_t ebnn_threshold(const ebnn_threshold_layer *layer, const void *input, void *output)
{
    const ebnn_tensor *from = &layer->input;
    const ebnn_tensor *to = &layer->output;
    const uint32_t pixels = from->height * from->width;
    int32_t status = ebnn_check_maps(from, to);

    if (status == EBNN_OK) {
        status = ebnn_check_steps(&layer->steps, to);
    }
    if (status != EBNN_OK) {
        return status;
    }
    if (from->channels != to->channels) {
        return EBNN_ERROR_SHAPE;
    }
    for (uint32_t pixel = 0; pixel < pixels; pixel++) {
        ebnn_writer writer = ebnn_writer_at(to, &layer->steps, output, pixel);

        for (uint32_t channel = 0; channel < from->channels; channel++) {
            ebnn_write(&writer, ebnn_load_value(from, input, channel, pixel, pixels));
        }
    }
    return EBNN_OK;
}
