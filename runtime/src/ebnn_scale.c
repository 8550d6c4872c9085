/*
 * ebnn_scale.c: a line per channel without a shift, as a network's last scores are made.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_internal.h"

int32_t ebnn_scale(const ebnn_affine_layer *layer, const int32_t *input, int32_t *output)
{
    const ebnn_tensor *from = &layer->input;
    const ebnn_tensor *to = &layer->output;
    const uint32_t pixels = from->height * from->width;
    const int32_t status = ebnn_check_tensor(from);

    if (status != EBNN_OK || from->format != EBNN_INT32 || to->format != EBNN_INT32) {
        return status != EBNN_OK ? status : EBNN_ERROR_FORMAT;
    }
    if (from->height != to->height || from->width != to->width || from->channels != to->channels) {
        return EBNN_ERROR_SHAPE;
    }
    if (layer->segments != 1 || layer->shift != 0) {
        return EBNN_ERROR_LINES;
    }
    for (uint32_t channel = 0; channel < from->channels; channel++) {
        const uint32_t multiplier = (uint32_t)layer->multiplier[channel];
        const uint32_t offset = layer->offset[2 * (size_t)channel]; /* the low words are all that counts */

        for (uint32_t pixel = 0; pixel < pixels; pixel++) {
            *output++ = (int32_t)(multiplier * (uint32_t)*input++ + offset);
        }
    }
    return EBNN_OK;
}
