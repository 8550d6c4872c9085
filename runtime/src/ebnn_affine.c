/*
 * ebnn_affine.c: lines and bent lines per channel in fixed point.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_values.h"

/* The lines of one channel, all its segments. */
typedef struct channel_lines {
    const int32_t *multiplier;
    const uint32_t *offset;
    const int32_t *knees;
    uint32_t segments;
    uint32_t shift;
} channel_lines;

EBNN_INLINE int32_t on_line(const channel_lines *lines, int32_t x)
{
    uint32_t segment = 0;

    while (segment + 1 < lines->segments && lines->knees[segment] <= x) {
        segment++;
    }
    return ebnn_shift_down(ebnn_line(lines->multiplier[segment], lines->offset + 2 * (size_t)segment, x), lines->shift);
}

int32_t ebnn_affine(const ebnn_affine_layer *layer, const void *input, void *output)
{
    const ebnn_tensor *from = &layer->input;
    const uint32_t format = layer->output.format;
    const uint32_t pixels = from->height * from->width;
    const int32_t status = ebnn_check_maps(from, &layer->output);
    size_t place = 0;
    channel_lines lines = {layer->multiplier, layer->offset, layer->knees, layer->segments, layer->shift};

    if (status != EBNN_OK || ebnn_is_packed(format)) {
        return status != EBNN_OK ? status : EBNN_ERROR_FORMAT;
    }
    if (from->channels != layer->output.channels) {
        return EBNN_ERROR_SHAPE;
    }
    if (lines.segments == 0 || lines.shift > 62) {
        return EBNN_ERROR_LINES;
    }
    for (uint32_t channel = 0; channel < from->channels; channel++) {
        for (uint32_t pixel = 0; pixel < pixels; pixel += EBNN_RUN) {
            const uint32_t count = ebnn_run(pixels, pixel);
            int32_t run[EBNN_RUN];
            const int32_t *values = ebnn_values(from, input, channel, pixel, count, run);

            for (uint32_t i = 0; i < count; i++) {
                ebnn_store_element(format, output, place + (size_t)i, on_line(&lines, values[i]));
            }
            place += (size_t)count;
        }
        lines.multiplier += lines.segments;
        lines.offset += 2 * (size_t)lines.segments;
        lines.knees = lines.segments > 1 ? lines.knees + lines.segments - 1 : NULL;
    }
    return EBNN_OK;
}
