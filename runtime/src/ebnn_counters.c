/*
 * ebnn_counters.c: carry-save addition of listed words into counters.
 *
 * A tree of adders takes 32 words with the five lowest planes and leaves one word of carries for the planes above, where
 * few of them go far. Three planes are in registers: with more of them, the tree's own words would have to leave theirs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_counters.h"

#include "ebnn_adders.h"

#define BLOCK UINT32_C(32)
#define SMALL_BLOCK UINT32_C(8)

EBNN_INLINE uint32_t word_at(uintptr_t weights, uint32_t place)
{
    return *(const uint32_t *)(weights + (uintptr_t)place);
}

#define WORD(index) word_at(weights, list[index])
#define ADD_EIGHT(first, out)                                                                                          \
    ones = ebnn_add_four(ones, WORD(first), WORD((first) + 1), WORD((first) + 2), WORD((first) + 3), &two_a);          \
    ones = ebnn_add_four(ones, WORD((first) + 4), WORD((first) + 5), WORD((first) + 6), WORD((first) + 7), &two_b);    \
    twos = ebnn_add_more_carries(twos, two_a, two_b, &(out));

/* Adds fewer words than fill a block. With the five lowest planes they make less than 64, so one carry leaves those. */
static void add_rest(uint32_t *counters, const uint16_t *list, uint32_t count, uintptr_t weights)
{
    uint32_t ones = counters[0], twos = counters[1], fours = counters[2], eights = counters[3], sixteens = counters[4];
    uint32_t carry, few = 0, over = 0; /* few: what the last ones, fewer than eight, carry to the eights */
    ebnn_carries two_a, two_b, four;

    for (; count >= SMALL_BLOCK; count -= SMALL_BLOCK, list += SMALL_BLOCK) {
        ADD_EIGHT(0, four)
        fours = ebnn_add_carries(fours, four, &carry);
        eights = ebnn_add_one(eights, &carry);
        sixteens = ebnn_add_one(sixteens, &carry);
        over |= carry;
    }
    for (; count > 1; count -= 2, list += 2) {
        ones = ebnn_add_two(ones, WORD(0), WORD(1), &carry);
        twos = ebnn_add_one(twos, &carry);
        fours = ebnn_add_one(fours, &carry);
        few |= carry;
    }
    if (count != 0) {
        carry = WORD(0);
        ones = ebnn_add_one(ones, &carry);
        twos = ebnn_add_one(twos, &carry);
        fours = ebnn_add_one(fours, &carry);
        few |= carry;
    }
    counters[0] = ones;
    counters[1] = twos;
    counters[2] = fours;
    counters[3] = ebnn_add_one(eights, &few);
    counters[4] = ebnn_add_one(sixteens, &few);
    ebnn_ripple(counters + 5, over | few);
}

void ebnn_add_listed(uint32_t *counters, const uint16_t *list, uint32_t count, uintptr_t weights)
{
    if (count >= BLOCK) {
        uint32_t ones = counters[0], twos = counters[1], fours = counters[2];
        uint32_t *const high = counters + 3;
        ebnn_carries two_a, two_b, four_a, four_b, eight_a, eight_b, sixteen;
        const uint16_t *const end = list + (count & ~(BLOCK - 1));
        uint32_t carry;

        for (; list != end; list += BLOCK) {
            ADD_EIGHT(0, four_a)
            ADD_EIGHT(8, four_b)
            fours = ebnn_add_more_carries(fours, four_a, four_b, &eight_a);
            ADD_EIGHT(16, four_a)
            ADD_EIGHT(24, four_b)
            fours = ebnn_add_more_carries(fours, four_a, four_b, &eight_b);
            high[0] = ebnn_add_more_carries(high[0], eight_a, eight_b, &sixteen);
            high[1] = ebnn_add_carries(high[1], sixteen, &carry);
            ebnn_ripple(high + 2, carry);
        }
        counters[0] = ones;
        counters[1] = twos;
        counters[2] = fours;
    }
    if (count % BLOCK != 0) {
        add_rest(counters, list, count % BLOCK, weights);
    }
}
#undef ADD_EIGHT
#undef WORD

void ebnn_add_numbers(uint32_t *counters, const uint32_t *numbers, uint32_t planes)
{
    uint32_t carry = 0;

    for (; planes != 0; planes--, counters++) {
        *counters = ebnn_add_two(carry, *counters, *numbers++, &carry);
    }
    ebnn_ripple(counters, carry);
}

/* Four bits that lie side by side, in a byte each. */
EBNN_INLINE uint32_t in_bytes(uint32_t bits)
{
    return ((bits & 15) * UINT32_C(0x00204081)) & UINT32_C(0x01010101);
}

/* Of each eight planes, those of four neurons at a time. */
void ebnn_read_counters(const uint32_t *counters, uint32_t planes, uint32_t count, uint32_t *numbers)
{
    for (uint32_t first = 0; first < planes; first += 8, counters += 8) {
        const uint32_t *const end = counters + (planes - first < 8 ? planes - first : 8);

        for (uint32_t neuron = 0; neuron < count; neuron += 4) {
            uint32_t bytes = 0;

            for (const uint32_t *counter = end; counter != counters;) {
                bytes = bytes << 1 | in_bytes(*--counter >> neuron);
            }
            for (uint32_t i = neuron; i < neuron + 4; i++, bytes >>= 8) {
                numbers[i] = (first == 0 ? 0 : numbers[i]) | (bytes & 0xFF) << first;
            }
        }
    }
}
