/*
 * ebnn_normal.h: standard normal numbers from random words by a table of chords, as edgebnn/chip/normal.py has them.
 *
 * IEEE 754 additions and multiplications alone, each rounded by itself (no fused ones): the same bits everywhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_NORMAL_H
#define EBNN_NORMAL_H

#include <stdint.h>
#include <string.h>

#define EBNN_NORMAL_SEGMENT_BITS 7
/* The bits of a float32 that say where in a segment it lies, and the place of 1.0 among all segments. */
#define EBNN_NORMAL_REST_BITS (23 - EBNN_NORMAL_SEGMENT_BITS)
#define EBNN_NORMAL_FIRST (127 << EBNN_NORMAL_SEGMENT_BITS)

/* `chords`, (segment, 2): value at the segment's begin, slope. */
static inline float ebnn_normal(const float *chords, uint32_t word)
{
    const float odd = (float)(word >> 8 | 1); /* exact: below 2^24 */
    const float *chord;
    float rest, magnitude;
    uint32_t bits;

    memcpy(&bits, &odd, sizeof bits);
    chord = chords + 2 * ((bits >> EBNN_NORMAL_REST_BITS) - EBNN_NORMAL_FIRST);
    rest = (float)(bits & ((UINT32_C(1) << EBNN_NORMAL_REST_BITS) - 1));
    magnitude = chord[0] + chord[1] * rest;
    return (word & 1) != 0 ? magnitude : -magnitude;
}

#endif
