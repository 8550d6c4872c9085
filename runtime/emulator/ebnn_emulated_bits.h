/*
 * ebnn_emulated_bits.h: words and bits of the emulated, little-endian chip on a host of any byte order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_EMULATED_BITS_H
#define EBNN_EMULATED_BITS_H

#include <stdint.h>

static inline uint32_t ebnn_emulated_popcount(uint32_t word)
{
    word -= (word >> 1) & UINT32_C(0x55555555);
    word = (word & UINT32_C(0x33333333)) + ((word >> 2) & UINT32_C(0x33333333));
    word = (word + (word >> 4)) & UINT32_C(0x0F0F0F0F);
    return (word * UINT32_C(0x01010101)) >> 24;
}

/* `width` bytes (1, 2 or 4) as an unsigned number. */
static inline uint32_t ebnn_emulated_load(const uint8_t *bytes, uint32_t width)
{
    uint32_t value = 0;

    for (uint32_t i = 0; i < width; i++) {
        value |= (uint32_t)bytes[i] << (8 * i);
    }
    return value;
}

static inline void ebnn_emulated_store(uint8_t *bytes, uint32_t width, uint32_t value)
{
    for (uint32_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

#endif
