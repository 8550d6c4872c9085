/*
 * ebnn_count_rows.c: the unlike bits of many rows of binary weights and one of inputs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_adders.h"
#include "ebnn_count.h"

/* Of rows of up to seven words: no loop, and three planes. */
EBNN_INLINE uint32_t count_few_unlike(const uint32_t *a, const uint32_t *b, uint32_t words)
{
    uint32_t ones = 0, twos = 0, fours = 0, carry;

    if (words % 2 != 0) {
        ones = *a++ ^ *b++;
    }
    switch (words / 2) {
    case 3:
        ones = ebnn_add_two(ones, a[4] ^ b[4], a[5] ^ b[5], &twos);
        /* fall through */
    case 2:
        ones = ebnn_add_two(ones, a[2] ^ b[2], a[3] ^ b[3], &carry);
        fours = twos & carry;
        twos ^= carry;
        /* fall through */
    case 1:
        ones = ebnn_add_two(ones, a[0] ^ b[0], a[1] ^ b[1], &carry);
        fours |= twos & carry;
        twos ^= carry;
        break;
    default:
        break;
    }
    return ebnn_count_few(ones, twos, fours);
}

void ebnn_count_unlike_rows(const uint32_t *rows, const uint32_t *row, uint32_t words, uint32_t count, uint32_t *counts)
{
    for (; count != 0; count--, rows += words) {
        *counts++ = words < EBNN_COUNT_BLOCK ? count_few_unlike(rows, row, words) : ebnn_count_unlike(rows, row, words);
    }
}
