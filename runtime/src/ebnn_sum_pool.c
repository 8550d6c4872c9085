/*
 * ebnn_sum_pool.c: the sum of the values under a window; an average, but for its division.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_values.h"
#include "ebnn_view.h"

static uint32_t sum_row(const ebnn_pool_layer *layer, const void *input, uint32_t channel, uint32_t pixel,
                        const ebnn_span *columns)
{
    const uint32_t end = columns->end - columns->begin;
    uint32_t total = 0, next = 0;

    for (uint32_t done = 0; done < end; done += EBNN_RUN) {
        const uint32_t count = ebnn_run(end, done);
        int32_t run[EBNN_RUN];
        const int32_t *values = ebnn_values(&layer->input, input, channel, pixel + done, count, run);

        for (; next < done + count; next += columns->step) {
            total += (uint32_t)values[next - done];
        }
    }
    return total;
}

int32_t ebnn_sum_pool(const ebnn_pool_layer *layer, const void *input, int32_t *output)
{
    const ebnn_tensor *from = &layer->input;
    const ebnn_tensor *to = &layer->output;
    const int32_t status = ebnn_check_pool(layer);

    if (status != EBNN_OK || to->format != EBNN_INT32) {
        return status != EBNN_OK ? status : EBNN_ERROR_FORMAT;
    }
    for (uint32_t channel = 0; channel < to->channels; channel++) {
        for (uint32_t row = 0; row < to->height; row++) {
            const ebnn_span rows = ebnn_rows_at(&layer->window, from, row);

            for (uint32_t column = 0; column < to->width; column++) {
                const ebnn_span columns = ebnn_columns_at(&layer->window, from, column);
                uint32_t total = 0;

                if (columns.begin < columns.end) {
                    for (uint32_t y = rows.begin; y < rows.end; y += rows.step) {
                        total += sum_row(layer, input, channel, y * from->width + columns.begin, &columns);
                    }
                }
                *output++ = (int32_t)total;
            }
        }
    }
    return EBNN_OK;
}
