/*
 * ebnn_nibbles.h: what four weights of a bit each make of four inputs, as tables.
 *
 * A code tells four inputs: bits 0 to 3 are their values (1 is +1), bits 4 to 7 say which of them count. A row of a
 * table has an entry for each nibble of weights, so that a row fits a register in which bytes are looked up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_NIBBLES_H
#define EBNN_NIBBLES_H

#include <stdint.h>

typedef uint8_t ebnn_nibble_table[256][16];

/* How many of the inputs that count are unlike the weight. */
extern const ebnn_nibble_table ebnn_nibbles_unlike;

/* Four, and of the inputs that count and whose weight's bit is set those of +1, less those of -1. */
extern const ebnn_nibble_table ebnn_nibbles_sum;

/* The eight codes of 32 inputs in the order of their bits. */
static inline void ebnn_store_codes(uint32_t values, uint32_t counting, uint8_t *codes)
{
    uint64_t spread[2];

    spread[0] = values;
    spread[1] = counting;
    for (int i = 0; i < 2; i++) {
        spread[i] = (spread[i] | spread[i] << 16) & UINT64_C(0x0000FFFF0000FFFF);
        spread[i] = (spread[i] | spread[i] << 8) & UINT64_C(0x00FF00FF00FF00FF);
        spread[i] = (spread[i] | spread[i] << 4) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    }
    spread[0] |= spread[1] << 4;
    for (int i = 0; i < 8; i++) {
        codes[i] = (uint8_t)(spread[0] >> (8 * i));
    }
}

#endif
