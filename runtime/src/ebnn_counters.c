/*
 * ebnn_counters.c: carry-save addition of listed words into counters.
 *
 * A tree of adders takes 32 words with the five lowest planes, which stay in registers, and leaves one word of carries for
 * the planes above, where few of them go far.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_counters.h"

#include "ebnn_adders.h"

#define BLOCK UINT32_C(32)
#define SMALL_BLOCK UINT32_C(4)
#define REGISTERS EBNN_PLANES_BEHIND

EBNN_INLINE uint32_t word_at(uintptr_t weights, uint32_t place)
{
    return *(const uint32_t *)(weights + (uintptr_t)place);
}

static inline void ripple(uint32_t *counters, uint32_t carry)
{
    for (; carry != 0; counters++) {
        *counters = ebnn_add_one(*counters, &carry);
    }
}

void ebnn_add_listed(uint32_t *counters, const uint16_t *list, uint32_t count, uintptr_t weights)
{
#define WORD(index) word_at(weights, list[index])
#define ADD_EIGHT(first, out)                                                                                          \
    ones = ebnn_add_four(ones, WORD(first), WORD((first) + 1), WORD((first) + 2), WORD((first) + 3), &two_a);          \
    ones = ebnn_add_four(ones, WORD((first) + 4), WORD((first) + 5), WORD((first) + 6), WORD((first) + 7), &two_b);    \
    twos = ebnn_add_more_carries(twos, two_a, two_b, &(out));
    uint32_t ones = counters[0], twos = counters[1], fours = counters[2], eights = counters[3], sixteens = counters[4];
    uint32_t *const above = counters + REGISTERS;
    ebnn_carries two_a, two_b, four_a, four_b, eight_a, eight_b, sixteen;
    uint32_t carry;

    for (; count >= BLOCK; count -= BLOCK, list += BLOCK) {
        ADD_EIGHT(0, four_a)
        ADD_EIGHT(8, four_b)
        fours = ebnn_add_more_carries(fours, four_a, four_b, &eight_a);
        ADD_EIGHT(16, four_a)
        ADD_EIGHT(24, four_b)
        fours = ebnn_add_more_carries(fours, four_a, four_b, &eight_b);
        eights = ebnn_add_more_carries(eights, eight_a, eight_b, &sixteen);
        sixteens = ebnn_add_carries(sixteens, sixteen, &carry);
        ripple(above, carry);
    }
    for (; count >= SMALL_BLOCK; count -= SMALL_BLOCK, list += SMALL_BLOCK) {
        ones = ebnn_add_four(ones, WORD(0), WORD(1), WORD(2), WORD(3), &two_a);
        twos = ebnn_add_carries(twos, two_a, &carry);
        fours = ebnn_add_one(fours, &carry);
        eights = ebnn_add_one(eights, &carry);
        sixteens = ebnn_add_one(sixteens, &carry);
        ripple(above, carry);
    }
    for (; count != 0; count--, list++) {
        carry = WORD(0);
        ones = ebnn_add_one(ones, &carry);
        twos = ebnn_add_one(twos, &carry);
        fours = ebnn_add_one(fours, &carry);
        eights = ebnn_add_one(eights, &carry);
        sixteens = ebnn_add_one(sixteens, &carry);
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
