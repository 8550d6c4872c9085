/*
 * ebnn_values.c: runs of values of any format.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_values.h"

void ebnn_widen(const ebnn_tensor *tensor, const void *data, uint32_t channel, uint32_t pixel, uint32_t count,
                int32_t *buffer)
{
    const size_t first = (size_t)channel * ebnn_map(tensor) + (size_t)pixel;

#define WIDEN(TYPE)                                                                                                    \
    for (uint32_t i = 0; i < count; i++) {                                                                             \
        buffer[i] = ((const TYPE *)data)[first + i];                                                                   \
    }
    switch (tensor->format) {
    case EBNN_INT8:
        WIDEN(int8_t)
        break;
    case EBNN_UINT8:
        WIDEN(uint8_t)
        break;
    case EBNN_INT16:
        WIDEN(int16_t)
        break;
    case EBNN_UINT16:
        WIDEN(uint16_t)
        break;
    case EBNN_INT32:
        WIDEN(int32_t)
        break;
    default:
        for (uint32_t i = 0; i < count; i++) {
            buffer[i] = ebnn_load_value(tensor, data, channel, pixel + i, 0);
        }
        break;
    }
#undef WIDEN
}
