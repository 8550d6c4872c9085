/*
 * ebnn_counters.c: carry-save addition of listed words into counters.
 *
 * A full adder takes three words of one weight and gives a word of sums and one of carries, of twice the weight, in five
 * operations. A tree of fifteen takes sixteen words with the four lowest planes, which stay in registers, and leaves one
 * word of carries for the planes above; two of those go there together.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_counters.h"

#define BLOCK UINT32_C(16)
#define REGISTERS 4

EBNN_INLINE uint32_t word_at(uintptr_t weights, uint32_t place)
{
    return *(const uint32_t *)(weights + place);
}

/* Sum of three bits in each place; the carries go to *carry. */
EBNN_INLINE uint32_t add(uint32_t *carry, uint32_t a, uint32_t b, uint32_t c)
{
    const uint32_t half = a ^ b;

    *carry = (a & b) | (half & c);
    return half ^ c;
}

/* The same of two bits. */
EBNN_INLINE uint32_t add_carry(uint32_t *carry, uint32_t a)
{
    const uint32_t both = a & *carry;

    a ^= *carry;
    *carry = both;
    return a;
}

static void ripple(uint32_t *counters, uint32_t carry)
{
    for (; carry != 0; counters++) {
        *counters = add_carry(&carry, *counters);
    }
}

void ebnn_add_listed(uint32_t *counters, const uint16_t *list, uint32_t count, uintptr_t weights)
{
#define WORD(index) word_at(weights, list[index])
    uint32_t ones = counters[0], twos = counters[1], fours = counters[2], eights = counters[3];
    uint32_t *const above = counters + REGISTERS;
    uint32_t carry, waiting = 0;
    bool waits = false;

    for (; count >= BLOCK; count -= BLOCK, list += BLOCK) {
        uint32_t two_a, two_b, four_a, four_b, eight_a, eight_b;

        ones = add(&two_a, ones, WORD(0), WORD(1));
        ones = add(&two_b, ones, WORD(2), WORD(3));
        twos = add(&four_a, twos, two_a, two_b);
        ones = add(&two_a, ones, WORD(4), WORD(5));
        ones = add(&two_b, ones, WORD(6), WORD(7));
        twos = add(&four_b, twos, two_a, two_b);
        fours = add(&eight_a, fours, four_a, four_b);
        ones = add(&two_a, ones, WORD(8), WORD(9));
        ones = add(&two_b, ones, WORD(10), WORD(11));
        twos = add(&four_a, twos, two_a, two_b);
        ones = add(&two_a, ones, WORD(12), WORD(13));
        ones = add(&two_b, ones, WORD(14), WORD(15));
        twos = add(&four_b, twos, two_a, two_b);
        fours = add(&eight_b, fours, four_a, four_b);
        eights = add(&carry, eights, eight_a, eight_b);
        if (waits) {
            *above = add(&carry, *above, carry, waiting);
            ripple(above + 1, carry);
        }
        waiting = carry;
        waits = !waits;
    }
    if (waits) {
        ripple(above, waiting);
    }
    while (count != 0) {
        const uint32_t first = WORD(0);

        count--;
        list++;
        carry = first;
        if (count != 0) {
            count--;
            ones = add(&carry, ones, first, WORD(0));
            list++;
        } else {
            ones = add_carry(&carry, ones);
        }
        twos = add_carry(&carry, twos);
        fours = add_carry(&carry, fours);
        eights = add_carry(&carry, eights);
        ripple(above, carry);
    }
    counters[0] = ones;
    counters[1] = twos;
    counters[2] = fours;
    counters[3] = eights;
#undef WORD
}
