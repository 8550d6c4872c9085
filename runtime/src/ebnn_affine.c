/*
 * ebnn_affine.c: lines and bent lines per channel in fixed point.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_internal.h"

int32_t ebnn_affine(const ebnn_affine_layer *layer, const void *input, int32_t *output)
{
    const ebnn_tensor *from = &layer->input;
    const uint32_t pixels = from->height * from->width;
    const uint32_t segments = layer->segments;
    const int32_t status = ebnn_check_maps(from, &layer->output);
    const int32_t *multiplier = layer->multiplier;
    const uint32_t *offset = layer->offset;
    const int32_t *knees = layer->knees;
    size_t index = 0;

    if (status != EBNN_OK || layer->output.format != EBNN_INT32) {
        return status != EBNN_OK ? status : EBNN_ERROR_FORMAT;
    }
    if (from->channels != layer->output.channels || segments == 0 || layer->shift > 62) {
        return EBNN_ERROR_SHAPE;
    }
    for (uint32_t channel = 0; channel < from->channels; channel++) {
        for (uint32_t pixel = 0; pixel < pixels; pixel++, index++) {
            const int32_t value = ebnn_load_value(from, input, channel, pixel, pixels);
            uint32_t segment = 0;

            while (segment + 1 < segments && knees[segment] <= value) {
                segment++;
            }
            output[index] =
                ebnn_shift_down(ebnn_line(multiplier[segment], offset + 2 * (size_t)segment, value), layer->shift);
        }
        multiplier += segments;
        offset += 2 * (size_t)segments;
        knees = segments > 1 ? knees + segments - 1 : NULL;
    }
    return EBNN_OK;
}
