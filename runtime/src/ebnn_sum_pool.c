/*
 * ebnn_sum_pool.c: the sum of the values under a window; an average, but for its division.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_view.h"

static int32_t sum(const ebnn_pool_layer *layer, const void *input, uint32_t channel, const ebnn_view *seen)
{
    const ebnn_tensor *from = &layer->input;
    const uint32_t pixels = from->height * from->width;
    uint32_t total = 0;

    for (uint32_t y = seen->top; y < seen->bottom; y += seen->step_y) {
        for (uint32_t x = seen->left; x < seen->right; x += seen->step_x) {
            total += (uint32_t)ebnn_load_value(from, input, channel, y * from->width + x, pixels);
        }
    }
    return (int32_t)total;
}

int32_t ebnn_sum_pool(const ebnn_pool_layer *layer, const void *input, int32_t *output)
{
    const ebnn_tensor *to = &layer->output;
    const int32_t status = ebnn_check_pool(layer);
    size_t index = 0;

    if (status != EBNN_OK || to->format != EBNN_INT32) {
        return status != EBNN_OK ? status : EBNN_ERROR_FORMAT;
    }
    for (uint32_t channel = 0; channel < to->channels; channel++) {
        for (uint32_t row = 0; row < to->height; row++) {
            ebnn_view seen;

            ebnn_view_row(&seen, layer, row);
            for (uint32_t column = 0; column < to->width; column++, index++) {
                ebnn_view_column(&seen, layer, column);
                output[index] = sum(layer, input, channel, &seen);
            }
        }
    }
    return EBNN_OK;
}
