/*
 * ebnn_count.c: population counts over rows of words, eight words at a time by carry-save addition (Harley and Seal).
 *
 * A tree of adders takes eight words and leaves one of carries; the bits of all planes are counted at the end, two planes
 * at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_count.h"

#include "ebnn_adders.h"

/* Those of up to 31 words: an octet sums up to 8 * 31. */
static uint32_t count_planes(uint32_t ones, uint32_t twos, uint32_t fours, uint32_t eights, uint32_t sixteens)
{
    uint32_t sums = ebnn_octets(ones, twos) + 4 * ebnn_octets(fours, eights) + 16 * ebnn_octets(sixteens, 0);

    sums = (sums & UINT32_C(0x00FF00FF)) + ((sums >> 8) & UINT32_C(0x00FF00FF));
    return (sums & UINT32_C(0xFFFF)) + (sums >> 16);
}

/*
 * The body of a function whose next words' i-th is WORD(i), and which goes on by some words with SKIP(words). Macros, since
 * C99 cannot promise to inline a function argument at -Os, and a call a word would cost more than the count. What does not
 * fill blocks comes first: rows of few words are nothing else.
 */
#define COUNT(WORD, SKIP)                                                                                              \
    uint32_t ones = 0, twos = 0, fours = 0, eights = 0, sixteens = 0, count = 0, carry;                                \
                                                                                                                       \
    if (words % 2 != 0) {                                                                                              \
        ones = WORD(0);                                                                                                \
        SKIP(1);                                                                                                       \
    }                                                                                                                  \
    for (uint32_t pairs = words % EBNN_COUNT_BLOCK / 2; pairs != 0; pairs--) {                                         \
        ones = ebnn_add_two(ones, WORD(0), WORD(1), &carry);                                                           \
        twos = ebnn_add_one(twos, &carry);                                                                             \
        fours ^= carry;                                                                                                \
        SKIP(2);                                                                                                       \
    }                                                                                                                  \
    if (words < EBNN_COUNT_BLOCK) {                                                                                    \
        return ebnn_count_few(ones, twos, fours);                                                                      \
    }                                                                                                                  \
    for (uint32_t blocks = words / EBNN_COUNT_BLOCK; blocks != 0; blocks--) {                                          \
        ebnn_carries two_a, two_b, four;                                                                               \
                                                                                                                       \
        ones = ebnn_add_four(ones, WORD(0), WORD(1), WORD(2), WORD(3), &two_a);                                        \
        ones = ebnn_add_four(ones, WORD(4), WORD(5), WORD(6), WORD(7), &two_b);                                        \
        twos = ebnn_add_more_carries(twos, two_a, two_b, &four);                                                       \
        fours = ebnn_add_carries(fours, four, &carry);                                                                 \
        eights = ebnn_add_one(eights, &carry);                                                                         \
        sixteens = ebnn_add_one(sixteens, &carry);                                                                     \
        if (carry != 0) {                                                                                              \
            count += 32 * ebnn_popcount(carry);                                                                        \
        }                                                                                                              \
        SKIP(EBNN_COUNT_BLOCK);                                                                                        \
    }                                                                                                                  \
    return count + count_planes(ones, twos, fours, eights, sixteens)

uint32_t ebnn_count_unlike(const uint32_t *a, const uint32_t *b, uint32_t words)
{
#define WORD(index) (a[index] ^ b[index])
#define SKIP(words) (a += (words), b += (words))
    COUNT(WORD, SKIP);
#undef SKIP
#undef WORD
}

uint32_t ebnn_count_unlike_in(const uint32_t *a, const uint32_t *b, const uint32_t *mask, const uint32_t *other,
                              uint32_t words)
{
#define WORD(index) ((a[index] ^ b[index]) & mask[index] & other[index])
#define SKIP(words) (a += (words), b += (words), mask += (words), other += (words))
    COUNT(WORD, SKIP);
#undef SKIP
#undef WORD
}

uint32_t ebnn_count_common(const uint32_t *a, const uint32_t *b, const uint32_t *c, uint32_t words)
{
#define WORD(index) (a[index] & b[index] & c[index])
#define SKIP(words) (a += (words), b += (words), c += (words))
    COUNT(WORD, SKIP);
#undef SKIP
#undef WORD
}
