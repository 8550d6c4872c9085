/*
 * ebnn_adders.h: carry-save addition of words, 32 sums of one bit each at once.
 *
 * A full adder takes three words of one weight in five operations. Two of them in a row take four words with a sum in
 * ten, and where their two carries travel together, as one of them and which bits of the other are unlike, the two adders
 * that take two such pairs need but eight (Demenkov, Kojevnikov, Kulikov and Yaroslavtsev, 2010).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_ADDERS_H
#define EBNN_ADDERS_H

#include "ebnn_internal.h"

/* Two words of carries, of the same weight. */
typedef struct ebnn_carries {
    uint32_t one;
    uint32_t unlike; /* the bits in which the other one is unlike */
} ebnn_carries;

/* Adds two words to a word of sums; returns the sums. */
EBNN_INLINE uint32_t ebnn_add_two(uint32_t sum, uint32_t a, uint32_t b, uint32_t *carry)
{
    const uint32_t half = sum ^ a;

    *carry = (sum & a) | (half & b);
    return half ^ b;
}

/* The same of four words. */
EBNN_INLINE uint32_t ebnn_add_four(uint32_t sum, uint32_t a, uint32_t b, uint32_t c, uint32_t d, ebnn_carries *out)
{
    const uint32_t a_unlike = a ^ sum;
    const uint32_t not_all = a_unlike | (b ^ sum); /* of sum, a and b are alike */
    const uint32_t half = a_unlike ^ b;
    const uint32_t c_unlike = c ^ half;

    out->one = half ^ not_all;
    out->unlike = not_all ^ (c_unlike & (d ^ half));
    return c_unlike ^ d;
}

/* The same of two words of carries. */
EBNN_INLINE uint32_t ebnn_add_carries(uint32_t sum, ebnn_carries in, uint32_t *carry)
{
    const uint32_t not_all = in.unlike | (in.one ^ sum);

    sum ^= in.unlike;
    *carry = sum ^ not_all;
    return sum;
}

/* The same of two times two. */
EBNN_INLINE uint32_t ebnn_add_more_carries(uint32_t sum, ebnn_carries a, ebnn_carries b, ebnn_carries *out)
{
    const uint32_t not_all = a.unlike | (a.one ^ sum);

    sum ^= a.unlike;
    out->one = sum ^ not_all;
    out->unlike = not_all ^ ((b.one ^ sum) & ~b.unlike);
    return sum ^ b.unlike;
}

/* The same of one word, in its place. */
EBNN_INLINE uint32_t ebnn_add_one(uint32_t sum, uint32_t *carry)
{
    const uint32_t both = sum & *carry;

    sum ^= *carry;
    *carry = both;
    return sum;
}

/* Adds carries to a plane of counters, and what they carry to those above. */
static inline void ebnn_ripple(uint32_t *counters, uint32_t carry)
{
    for (; carry != 0; counters++) {
        *counters = ebnn_add_one(*counters, &carry);
    }
}

/* Sums of two bits and of their double, four bits each. */
EBNN_INLINE uint32_t ebnn_nibbles(uint32_t ones, uint32_t twos)
{
    const uint32_t even = (ones & UINT32_C(0x55555555)) | (twos & UINT32_C(0x55555555)) << 1;
    const uint32_t odd = ((ones >> 1) & UINT32_C(0x55555555)) | (twos & UINT32_C(0xAAAAAAAA));

    return (even & UINT32_C(0x33333333)) + ((even >> 2) & UINT32_C(0x33333333)) + (odd & UINT32_C(0x33333333)) +
           ((odd >> 2) & UINT32_C(0x33333333));
}

EBNN_INLINE uint32_t ebnn_octets(uint32_t ones, uint32_t twos)
{
    const uint32_t sums = ebnn_nibbles(ones, twos);

    return (sums & UINT32_C(0x0F0F0F0F)) + ((sums >> 4) & UINT32_C(0x0F0F0F0F));
}

/* The places of seven words or fewer together: an octet sums up to 8 * 7, all four of them to 224. */
EBNN_INLINE uint32_t ebnn_count_few(uint32_t ones, uint32_t twos, uint32_t fours)
{
    const uint32_t sums = ebnn_octets(ones, twos) + 4 * ebnn_octets(fours, 0);

    return (sums * UINT32_C(0x01010101)) >> 24;
}

#endif
