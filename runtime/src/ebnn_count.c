/*
 * ebnn_count.c: population counts over rows of words, eight words at a time by carry-save addition (Harley and Seal).
 *
 * A full adder takes three words and gives a word of sums and one of carries in five operations; a tree of seven of
 * them leaves one population count for eight words. Short rows never get there and are counted word by word.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_count.h"

#include "ebnn_internal.h"

#define BLOCK UINT32_C(8)

/* Sum of three bits in each place; the carries go to *carry. */
EBNN_INLINE uint32_t add(uint32_t *carry, uint32_t a, uint32_t b, uint32_t c)
{
    const uint32_t half = a ^ b;

    *carry = (a & b) | (half & c);
    return half ^ c;
}

/*
 * The body of a function whose i-th word is WORD(i). A macro, since C99 cannot promise to inline a function argument
 * at -Os, and a call a word would cost more than the count.
 */
#define COUNT(WORD)                                                                                                    \
    uint32_t ones = 0, twos = 0, fours = 0, eights = 0, count = 0, i = 0;                                              \
                                                                                                                       \
    if (words >= BLOCK) {                                                                                              \
        for (; words - i >= BLOCK; i += BLOCK) {                                                                       \
            uint32_t two_a, two_b, four_a, four_b;                                                                     \
                                                                                                                       \
            ones = add(&two_a, ones, WORD(i), WORD(i + 1));                                                            \
            ones = add(&two_b, ones, WORD(i + 2), WORD(i + 3));                                                        \
            twos = add(&four_a, twos, two_a, two_b);                                                                   \
            ones = add(&two_a, ones, WORD(i + 4), WORD(i + 5));                                                        \
            ones = add(&two_b, ones, WORD(i + 6), WORD(i + 7));                                                        \
            twos = add(&four_b, twos, two_a, two_b);                                                                   \
            fours = add(&eights, fours, four_a, four_b);                                                               \
            count += ebnn_popcount(eights);                                                                            \
        }                                                                                                              \
        count = 8 * count + 4 * ebnn_popcount(fours) + 2 * ebnn_popcount(twos) + ebnn_popcount(ones);                  \
    }                                                                                                                  \
    for (; i < words; i++) {                                                                                           \
        count += ebnn_popcount(WORD(i));                                                                               \
    }                                                                                                                  \
    return count

uint32_t ebnn_count_unlike(const uint32_t *a, const uint32_t *b, uint32_t words)
{
#define WORD(index) (a[index] ^ b[index])
    COUNT(WORD);
#undef WORD
}

uint32_t ebnn_count_unlike_in(const uint32_t *a, const uint32_t *b, const uint32_t *mask, uint32_t words)
{
#define WORD(index) ((a[index] ^ b[index]) & mask[index])
    COUNT(WORD);
#undef WORD
}

uint32_t ebnn_count_unlike_in_both(const uint32_t *a, const uint32_t *b, const uint32_t *mask, const uint32_t *other,
                                   uint32_t words)
{
#define WORD(index) ((a[index] ^ b[index]) & mask[index] & other[index])
    COUNT(WORD);
#undef WORD
}

uint32_t ebnn_count_common(const uint32_t *a, const uint32_t *b, uint32_t words)
{
#define WORD(index) (a[index] & b[index])
    COUNT(WORD);
#undef WORD
}

uint32_t ebnn_count_common_to_all(const uint32_t *a, const uint32_t *b, const uint32_t *c, uint32_t words)
{
#define WORD(index) (a[index] & b[index] & c[index])
    COUNT(WORD);
#undef WORD
}
