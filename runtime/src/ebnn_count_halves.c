/*
 * ebnn_count_halves.c: see ebnn_add_unlike_halves. Its own file, so that no compiler knows the factor that makes masks of
 * bits: one that does makes two instructions of its product where a processor has no shift for free.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_adders.h"
#include "ebnn_counters.h"

/* Word `index`: unlike bits of its two inputs, each spread over a half. */
#define UNLIKE(index) (weights[index] ^ ((bits >> (index)) & both) * half)
#define ADD_EIGHT(first, out)                                                                                          \
    ones = ebnn_add_four(ones, UNLIKE(first), UNLIKE((first) + 1), UNLIKE((first) + 2), UNLIKE((first) + 3), &two_a);  \
    ones = ebnn_add_four(ones, UNLIKE((first) + 4), UNLIKE((first) + 5), UNLIKE((first) + 6), UNLIKE((first) + 7),     \
                         &two_b);                                                                                      \
    twos = ebnn_add_more_carries(twos, two_a, two_b, &(out));

void ebnn_add_unlike_halves(uint32_t *counters, const uint32_t *weights, const uint32_t *inputs, uint32_t words,
                            uint32_t neurons)
{
    const uint32_t both = UINT32_C(1) << neurons | 1, half = (UINT32_C(1) << neurons) - 1;
    uint32_t ones = counters[0], twos = counters[1], fours = counters[2];
    ebnn_carries waiting = {0, 0}; /* for those of the next word of inputs, to go on with them */

    for (; words != 0; words--, weights += 16) {
        const uint32_t bits = *inputs++;
        ebnn_carries two_a, two_b, four_a, four_b, eight, sixteen;
        uint32_t carry;

        ADD_EIGHT(0, four_a)
        ADD_EIGHT(8, four_b)
        fours = ebnn_add_more_carries(fours, four_a, four_b, &eight);
        if (words % 2 != 0) {
            counters[3] = ebnn_add_more_carries(counters[3], waiting, eight, &sixteen);
            counters[4] = ebnn_add_carries(counters[4], sixteen, &carry);
            ebnn_ripple(counters + 5, carry);
        } else {
            waiting = eight;
        }
    }
    counters[0] = ones;
    counters[1] = twos;
    counters[2] = fours;
}
