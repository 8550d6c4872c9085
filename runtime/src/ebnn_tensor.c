/*
 * ebnn_tensor.c: the size of a tensor, and whether its description makes sense.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_internal.h"

/* Bits of one element, 0 for a packed format. */
static uint32_t element_bits(uint32_t format)
{
    switch (format) {
    case EBNN_INT8:
    case EBNN_UINT8:
        return 8;
    case EBNN_INT16:
    case EBNN_UINT16:
        return 16;
    case EBNN_INT32:
        return 32;
    default:
        return 0;
    }
}

uint32_t ebnn_tensor_bytes(const ebnn_tensor *tensor)
{
    const uint32_t pixels = tensor->height * tensor->width;

    if (ebnn_is_packed(tensor->format)) {
        return pixels * ebnn_pixel_words(tensor) * 4;
    }
    return (pixels * tensor->channels * (element_bits(tensor->format) / 8) + 3) / 4 * 4;
}

int32_t ebnn_check_tensor(const ebnn_tensor *tensor)
{
    const uint32_t planes = ebnn_is_packed(tensor->format) ? 1 : element_bits(tensor->format);

    if (tensor->format > EBNN_INT32 || tensor->planes == 0 || tensor->planes > planes) {
        return EBNN_ERROR_FORMAT;
    }
    return tensor->height == 0 || tensor->width == 0 || tensor->channels == 0 ? EBNN_ERROR_SHAPE : EBNN_OK;
}
