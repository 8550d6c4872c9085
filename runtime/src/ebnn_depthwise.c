/*
 * ebnn_depthwise.c: int8 layers whose neurons see one channel each. There is nothing that several neurons would share, so
 * nothing is gathered: the taps inside the map are multiplied where they lie.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_depthwise.h"

bool ebnn_is_depthwise(const ebnn_int8_layer *layer)
{
    return layer->input.channels == layer->groups && !ebnn_is_packed(layer->input.format) && layer->pad_value == 0;
}

/* Rows are `skip` elements apart in the map and `width` weights in the kernel. */
#define DOT(TYPE)                                                                                                      \
    do {                                                                                                               \
        const TYPE *map = (const TYPE *)input + first;                                                                 \
                                                                                                                       \
        for (uint32_t y = seen->y.begin; y < seen->y.end; y += seen->y.step) {                                         \
            const TYPE *values = map + (size_t)y * width;                                                              \
            const int8_t *weight = weights;                                                                            \
                                                                                                                       \
            for (uint32_t x = seen->x.begin; x < seen->x.end; x += seen->x.step) {                                     \
                sum += (uint32_t)*weight++ * (uint32_t)values[x];                                                      \
            }                                                                                                          \
            weights += layer->window.kernel_width;                                                                     \
        }                                                                                                              \
    } while (0)

uint32_t ebnn_depthwise_dot(const ebnn_int8_layer *layer, const void *input, uint32_t channel, const int8_t *weights,
                            const ebnn_view *seen)
{
    const uint32_t width = layer->input.width;
    const size_t first = (size_t)channel * ebnn_map(&layer->input);
    uint32_t sum = 0;

    weights += seen->y.tap * layer->window.kernel_width + seen->x.tap;
    switch (layer->input.format) {
    case EBNN_INT8:
        DOT(int8_t);
        break;
    case EBNN_UINT8:
        DOT(uint8_t);
        break;
    case EBNN_INT16:
        DOT(int16_t);
        break;
    case EBNN_INT32:
        DOT(int32_t);
        break;
    default:
        DOT(uint16_t);
        break;
    }
    return sum;
}
