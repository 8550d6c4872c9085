/*
 * ebnn_threshold.c: a step function on its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_writer.h"

static int32_t load(const ebnn_tensor *tensor, const void *data, uint32_t pixel, uint32_t pixels, uint32_t channel)
{
    const uint32_t *words;

    if (!ebnn_is_packed(tensor->format)) {
        return ebnn_load_element(tensor->format, data, (size_t)channel * pixels + pixel);
    }
    words = (const uint32_t *)data + (size_t)pixel * ebnn_pixel_words(tensor);
    if (tensor->format == EBNN_TRITS && ebnn_bit(words + ebnn_words(tensor->channels), channel) == 0) {
        return 0;
    }
    return ebnn_bit(words, channel) != 0 ? 1 : -1;
}

int32_t ebnn_threshold(const ebnn_threshold_layer *layer, const void *input, void *output)
{
    const ebnn_tensor *from = &layer->input;
    const ebnn_tensor *to = &layer->output;
    const uint32_t pixels = from->height * from->width;
    int32_t status = ebnn_check_tensor(from);

    if (status == EBNN_OK) {
        status = ebnn_check_tensor(to);
    }
    if (status == EBNN_OK) {
        status = ebnn_check_steps(&layer->steps, to);
    }
    if (status != EBNN_OK) {
        return status;
    }
    if (from->height != to->height || from->width != to->width || from->channels != to->channels) {
        return EBNN_ERROR_SHAPE;
    }
    for (uint32_t pixel = 0; pixel < pixels; pixel++) {
        ebnn_writer writer = ebnn_writer_at(to, &layer->steps, output, pixel);

        for (uint32_t channel = 0; channel < from->channels; channel++) {
            ebnn_write(&writer, load(from, input, pixel, pixels, channel));
        }
    }
    return EBNN_OK;
}
