/*
 * ebnn_set_bits.h: which bits of a byte are set, as a table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_SET_BITS_H
#define EBNN_SET_BITS_H

#include <stdint.h>

/* The places of the bits that are set, the lowest first, and then zeros. */
extern const uint16_t ebnn_set_bits[256][8];

/* How many are set. */
extern const uint8_t ebnn_set_bit_counts[256];

#endif
