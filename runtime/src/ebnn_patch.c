/*
 * ebnn_patch.c: gathering a neuron's inputs as 16-bit values, or 16-bit digits of values.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_patch.h"

/* `count` elements from `index` on, `distance` apart; of those of 32 bits the digit from bit `shift` on. */
static void load_elements(uint32_t format, const void *data, size_t index, size_t distance, uint32_t count,
                          uint32_t shift, uint16_t *values)
{
#define LOAD(TYPE)                                                                                                     \
    for (uint32_t i = 0; i < count; i++, index += distance) {                                                          \
        values[i] = (uint16_t)((const TYPE *)data)[index];                                                             \
    }
    switch (format) {
    case EBNN_INT8:
        LOAD(int8_t)
        break;
    case EBNN_UINT8:
        LOAD(uint8_t)
        break;
    case EBNN_INT32:
        for (uint32_t i = 0; i < count; i++, index += distance) {
            values[i] = (uint16_t)(((const uint32_t *)data)[index] >> shift);
        }
        break;
    default: /* as bits, an int16 is what it is as a uint16 */
        LOAD(uint16_t)
        break;
    }
#undef LOAD
}

/* Channels `first` to `first + count` of one pixel. */
static void load_packed(const ebnn_tensor *tensor, const uint32_t *data, uint32_t pixel, uint32_t first, uint32_t count,
                        uint16_t *values)
{
    for (uint32_t channel = first; channel < first + count; channel++) {
        *values++ = (uint16_t)ebnn_load_value(tensor, data, channel, pixel, 0);
    }
}

static void fill(uint16_t *values, uint32_t count, uint32_t value)
{
    for (uint32_t i = 0; i < count; i++) {
        values[i] = (uint16_t)value;
    }
}

void ebnn_gather_values(const ebnn_int8_layer *layer, const void *input, uint32_t group, uint32_t row, uint32_t column,
                        uint32_t shift, uint16_t *values)
{
    const ebnn_tensor *tensor = &layer->input;
    const ebnn_window *window = &layer->window;
    const uint32_t channels = tensor->channels / layer->groups;
    const uint32_t first = group * channels;
    const uint32_t pixels = tensor->height * tensor->width;
    const bool packed = ebnn_is_packed(tensor->format);
    const uint32_t outside = (uint32_t)layer->pad_value >> shift;

    for (uint32_t ky = 0; ky < window->kernel_height; ky++) {
        /* a row above the first one wraps to a huge number, and is outside too */
        const uint32_t y = row * window->stride_y + ky * window->dilation_y - window->pad_top;

        if (y >= tensor->height) {
            fill(values, window->kernel_width * channels, outside);
            values += window->kernel_width * channels;
            continue;
        }
        for (uint32_t kx = 0; kx < window->kernel_width; kx++, values += channels) {
            const uint32_t x = column * window->stride_x + kx * window->dilation_x - window->pad_left;
            const uint32_t pixel = y * tensor->width + x;

            if (x >= tensor->width) {
                fill(values, channels, outside);
            } else if (packed) {
                load_packed(tensor, (const uint32_t *)input, pixel, first, channels, values);
            } else {
                load_elements(tensor->format, input, ebnn_at(first, pixels, pixel), (size_t)pixels, channels, shift,
                              values);
            }
        }
    }
}
