/*
 * ebnn_slices.h: the thresholds of a row's 32 columns as bit slices, the highest bits first.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_SLICES_H
#define EBNN_SLICES_H

#include <stdint.h>

#define EBNN_SLICED_COLUMNS 32

/* Rows and columns of 32 x 32 bits change places: bit i of word j becomes bit j of word i. */
static inline void ebnn_transpose_bits(uint32_t bits[EBNN_SLICED_COLUMNS])
{
    uint32_t mask = 0x0000FFFF;

    for (uint32_t distance = 16; distance != 0; distance >>= 1, mask ^= mask << distance) {
        for (uint32_t low = 0; low < EBNN_SLICED_COLUMNS; low = (low + distance + 1) & ~distance) {
            const uint32_t unlike = (bits[low] >> distance ^ bits[low + distance]) & mask;

            bits[low] ^= unlike << distance;
            bits[low + distance] ^= unlike;
        }
    }
}

/*
 * Slice k of (threshold - 1), bit = column, of thresholds that lie `stride` apart; answers which of them are not 0:
 * nothing is below a threshold of 0, which no slice says.
 */
static inline uint32_t ebnn_slice_thresholds(const uint64_t *thresholds, uint32_t stride,
                                             uint32_t slices[EBNN_SLICED_COLUMNS])
{
    uint32_t bits[EBNN_SLICED_COLUMNS], not_zero = 0;

    for (uint32_t column = 0; column < EBNN_SLICED_COLUMNS; column++) {
        const uint64_t threshold = thresholds[(uint64_t)column * stride];

        not_zero |= (uint32_t)(threshold != 0) << column;
        bits[column] = threshold == 0 ? 0 : (uint32_t)(threshold - 1);
    }
    ebnn_transpose_bits(bits);
    for (uint32_t slice = 0; slice < EBNN_SLICED_COLUMNS; slice++) {
        slices[slice] = bits[EBNN_SLICED_COLUMNS - 1 - slice];
    }
    return not_zero;
}

#endif
