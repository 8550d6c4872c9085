/*
 * ebnn_normal.h: standard normal numbers from random words by a table of chords, as edgebnn/chip/random/normal.py has them.
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

/*
 * What |ebnn_normal| of a word never exceeds, by little: the lowest of two lines over the bits of the same float, which
 * are nearly a logarithm. Each line: its begin, and its slope for each unit of the bits.
 */
static inline float ebnn_normal_bound(const float lines[2][2], uint32_t word)
{
    const float odd = (float)(word >> 8 | 1);
    float place, first, second;
    int32_t bits;

    memcpy(&bits, &odd, sizeof bits);
    place = (float)bits;
    first = lines[0][0] + lines[0][1] * place;
    second = lines[1][0] + lines[1][1] * place;
    return first < second ? first : second;
}

#endif
