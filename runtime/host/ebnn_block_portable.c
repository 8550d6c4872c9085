/*
 * ebnn_block_portable.c: the block kernel in plain C, by the runtime's own counts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_count.h"
#include "ebnn_kernel.h"
#include "ebnn_writer.h"

static uint32_t dot(const ebnn_block *block, size_t row, size_t vector)
{
    const uint32_t words = block->words;
    const uint32_t *sign = block->sign + row * words;
    const uint32_t *values = block->values + vector * block->values_stride;
    const uint32_t *mask = block->mask != NULL ? block->mask + vector * block->mask_stride : NULL;

    if (block->nonzero != NULL) {
        const uint32_t *nonzero = block->nonzero + row * words;

        return ebnn_count_common(mask, nonzero, words) -
               2 * ebnn_count_unlike_in_both(sign, values, mask, nonzero, words);
    }
    return block->counting[vector] - 2 * (mask != NULL ? ebnn_count_unlike_in(sign, values, mask, words)
                                                       : ebnn_count_unlike(sign, values, words));
}

static void add_dots(const ebnn_block *block)
{
    for (size_t vector = 0; vector < block->vectors; vector++) {
        uint32_t *sums = block->sums + vector * block->sums_stride;

        for (size_t row = 0; row < block->rows; row++) {
            sums[row] += block->weight * dot(block, row, vector);
        }
    }
}

static void threshold_bits(const ebnn_steps *steps, const uint32_t *sums, uint32_t channels, uint32_t *words)
{
    for (uint32_t first = 0; first < channels; first += EBNN_WORD_BITS) {
        const uint32_t count = channels - first < EBNN_WORD_BITS ? channels - first : EBNN_WORD_BITS;
        uint32_t word = 0;

        for (uint32_t i = 0; i < count; i++) {
            word |= ebnn_count_steps(steps, first + i, (int32_t)sums[first + i]) << i;
        }
        words[first / EBNN_WORD_BITS] = word;
    }
}

static void dot_values(const int16_t *row, const int16_t *vectors, size_t length, size_t count, uint32_t *sums,
                       size_t sums_stride)
{
    for (size_t vector = 0; vector < count; vector++, vectors += length) {
        uint32_t sum = 0;

        for (size_t i = 0; i < length; i++) {
            sum += (uint32_t)(row[i] * vectors[i]);
        }
        sums[vector * sums_stride] = sum;
    }
}

const ebnn_kernel ebnn_kernel_portable = {1, add_dots, threshold_bits, dot_values, ebnn_philox_rows_portable};
