/*
 * ebnn_pool.c: the largest (or smallest) value under a window.
 *
 * On packed values a whole word of channels is done at once. The largest of signs is their OR, the smallest their
 * AND; trits are two such questions, "at least 0?" and "at least +1?".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_view.h"

static void pool_pixel_bits(const ebnn_pool_layer *layer, const uint32_t *input, uint32_t *output,
                            const ebnn_view *seen)
{
    const uint32_t words = ebnn_pixel_words(&layer->input);

    for (uint32_t word = 0; word < words; word++) {
        const uint32_t down = layer->directions != NULL ? layer->directions[word] : 0;
        uint32_t any = 0, all = UINT32_MAX;

        for (uint32_t y = seen->y.begin; y < seen->y.end; y += seen->y.step) {
            for (uint32_t x = seen->x.begin; x < seen->x.end; x += seen->x.step) {
                const uint32_t sign = input[((size_t)y * layer->input.width + x) * words + word];

                any |= sign;
                all &= sign;
            }
        }
        output[word] = (any & ~down) | (all & down);
    }
}

static void pool_pixel_trits(const ebnn_pool_layer *layer, const uint32_t *input, uint32_t *output,
                             const ebnn_view *seen)
{
    const uint32_t words = ebnn_words(layer->input.channels);

    for (uint32_t word = 0; word < words; word++) {
        const uint32_t down = layer->directions != NULL ? layer->directions[word] : 0;
        uint32_t any_0 = 0, all_0 = UINT32_MAX; /* at least 0 */
        uint32_t any_1 = 0, all_1 = UINT32_MAX; /* at least +1 */
        uint32_t at_least_0, at_least_1;

        for (uint32_t y = seen->y.begin; y < seen->y.end; y += seen->y.step) {
            for (uint32_t x = seen->x.begin; x < seen->x.end; x += seen->x.step) {
                const uint32_t *pixel = input + ((size_t)y * layer->input.width + x) * 2 * words;
                const uint32_t sign = pixel[word];
                const uint32_t not_negative = sign | ~pixel[words + word];

                any_0 |= not_negative;
                all_0 &= not_negative;
                any_1 |= sign;
                all_1 &= sign;
            }
        }
        at_least_0 = (any_0 & ~down) | (all_0 & down);
        at_least_1 = (any_1 & ~down) | (all_1 & down);
        output[word] = at_least_1;
        output[words + word] = at_least_1 | ~at_least_0;
    }
}

static void pool_pixel_elements(const ebnn_pool_layer *layer, const void *input, void *output, uint32_t pixel,
                                const ebnn_view *seen)
{
    const ebnn_tensor *from = &layer->input;
    const ebnn_tensor *to = &layer->output;
    const size_t pixels_in = ebnn_map(from);
    const size_t pixels_out = ebnn_map(to);

    for (uint32_t channel = 0; channel < from->channels; channel++) {
        /* the smallest of v is the complement of the largest of ~v */
        const bool down = ebnn_bit(layer->directions, channel) != 0;
        int32_t best = INT32_MIN;

        for (uint32_t y = seen->y.begin; y < seen->y.end; y += seen->y.step) {
            for (uint32_t x = seen->x.begin; x < seen->x.end; x += seen->x.step) {
                const size_t index = (size_t)channel * pixels_in + ebnn_at(y, from->width, x);
                int32_t value = ebnn_load_element(from->format, input, index);

                value = down ? ~value : value;
                best = value > best ? value : best;
            }
        }
        ebnn_store_element(to->format, output, (size_t)channel * pixels_out + (size_t)pixel, down ? ~best : best);
    }
}

int32_t ebnn_max_pool(const ebnn_pool_layer *layer, const void *input, void *output)
{
    const ebnn_tensor *from = &layer->input;
    const ebnn_tensor *to = &layer->output;
    const int32_t status = ebnn_check_pool(layer);
    uint32_t pixel = 0;

    if (status != EBNN_OK || from->format != to->format) {
        return status != EBNN_OK ? status : EBNN_ERROR_FORMAT;
    }
    for (uint32_t row = 0; row < to->height; row++) {
        ebnn_view seen;

        seen.y = ebnn_rows_at(&layer->window, from, row);
        for (uint32_t column = 0; column < to->width; column++, pixel++) {
            seen.x = ebnn_columns_at(&layer->window, from, column);
            if (ebnn_is_packed(from->format)) {
                const uint32_t *packed = (const uint32_t *)input;
                uint32_t *pooled = (uint32_t *)output + (size_t)pixel * ebnn_pixel_words(to);

                if (from->format == EBNN_TRITS) {
                    pool_pixel_trits(layer, packed, pooled, &seen);
                } else {
                    pool_pixel_bits(layer, packed, pooled, &seen);
                }
            } else {
                pool_pixel_elements(layer, input, output, pixel, &seen);
            }
        }
    }
    return EBNN_OK;
}
