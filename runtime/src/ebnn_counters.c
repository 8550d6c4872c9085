/*
 * ebnn_counters.c: carry-save addition of listed words into counters.
 *
 * A full adder takes three words of one weight in five operations. Two of them in a row take four words with a sum in
 * ten, and where their two carries travel together, as one of them and which bits of the other are unlike, the two adders
 * that take two such pairs need but eight (Demenkov, Kojevnikov, Kulikov and Yaroslavtsev, 2010). A tree of them takes 32
 * words with the five lowest planes, which stay in registers, and leaves one word of carries for the planes above, where few
 * of them go far.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_counters.h"

#define BLOCK UINT32_C(32)
#define SMALL_BLOCK UINT32_C(4)
#define REGISTERS EBNN_PLANES_BEHIND

/* Two words of carries, of the same weight. */
typedef struct carries {
    uint32_t one;
    uint32_t unlike; /* the bits in which the other one is unlike */
} carries;

EBNN_INLINE uint32_t word_at(uintptr_t weights, uint32_t place)
{
    return *(const uint32_t *)(weights + (uintptr_t)place);
}

/* Adds four words to a word of sums; returns the sums. */
EBNN_INLINE uint32_t add_four(uint32_t sum, uint32_t a, uint32_t b, uint32_t c, uint32_t d, carries *out)
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
EBNN_INLINE uint32_t add_two(uint32_t sum, carries in, uint32_t *out)
{
    const uint32_t not_all = in.unlike | (in.one ^ sum);

    sum ^= in.unlike;
    *out = sum ^ not_all;
    return sum;
}

/* The same of two times two. */
EBNN_INLINE uint32_t add_twice_two(uint32_t sum, carries a, carries b, carries *out)
{
    const uint32_t not_all = a.unlike | (a.one ^ sum);

    sum ^= a.unlike;
    out->one = sum ^ not_all;
    out->unlike = not_all ^ ((b.one ^ sum) & ~b.unlike);
    return sum ^ b.unlike;
}

/* The same of one word, in its place. */
EBNN_INLINE uint32_t add_one(uint32_t sum, uint32_t *carry)
{
    const uint32_t both = sum & *carry;

    sum ^= *carry;
    *carry = both;
    return sum;
}

static inline void ripple(uint32_t *counters, uint32_t carry)
{
    for (; carry != 0; counters++) {
        *counters = add_one(*counters, &carry);
    }
}

void ebnn_add_listed(uint32_t *counters, const uint16_t *list, uint32_t count, uintptr_t weights)
{
#define WORD(index) word_at(weights, list[index])
#define ADD_EIGHT(first, out)                                                                                          \
    ones = add_four(ones, WORD(first), WORD((first) + 1), WORD((first) + 2), WORD((first) + 3), &two_a);               \
    ones = add_four(ones, WORD((first) + 4), WORD((first) + 5), WORD((first) + 6), WORD((first) + 7), &two_b);         \
    twos = add_twice_two(twos, two_a, two_b, &(out));
    uint32_t ones = counters[0], twos = counters[1], fours = counters[2], eights = counters[3], sixteens = counters[4];
    uint32_t *const above = counters + REGISTERS;
    carries two_a, two_b, four_a, four_b, eight_a, eight_b, sixteen;
    uint32_t carry;

    for (; count >= BLOCK; count -= BLOCK, list += BLOCK) {
        ADD_EIGHT(0, four_a)
        ADD_EIGHT(8, four_b)
        fours = add_twice_two(fours, four_a, four_b, &eight_a);
        ADD_EIGHT(16, four_a)
        ADD_EIGHT(24, four_b)
        fours = add_twice_two(fours, four_a, four_b, &eight_b);
        eights = add_twice_two(eights, eight_a, eight_b, &sixteen);
        sixteens = add_two(sixteens, sixteen, &carry);
        ripple(above, carry);
    }
    for (; count >= SMALL_BLOCK; count -= SMALL_BLOCK, list += SMALL_BLOCK) {
        ones = add_four(ones, WORD(0), WORD(1), WORD(2), WORD(3), &two_a);
        twos = add_two(twos, two_a, &carry);
        fours = add_one(fours, &carry);
        eights = add_one(eights, &carry);
        sixteens = add_one(sixteens, &carry);
        ripple(above, carry);
    }
    for (; count != 0; count--, list++) {
        carry = WORD(0);
        ones = add_one(ones, &carry);
        twos = add_one(twos, &carry);
        fours = add_one(fours, &carry);
        eights = add_one(eights, &carry);
        sixteens = add_one(sixteens, &carry);
        ripple(above, carry);
    }
    counters[0] = ones;
    counters[1] = twos;
    counters[2] = fours;
    counters[3] = eights;
    counters[4] = sixteens;
#undef ADD_EIGHT
#undef WORD
}
