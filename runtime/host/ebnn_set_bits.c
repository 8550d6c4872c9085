/*
 * ebnn_set_bits.c: see ebnn_set_bits.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_set_bits.h"

/* clang-format off */

/* The places of the bits of a nibble, from `b` on, each with a comma behind it. */
#define NIBBLE_0(b)
#define NIBBLE_1(b) (b),
#define NIBBLE_2(b) (b) + 1,
#define NIBBLE_3(b) (b), (b) + 1,
#define NIBBLE_4(b) (b) + 2,
#define NIBBLE_5(b) (b), (b) + 2,
#define NIBBLE_6(b) (b) + 1, (b) + 2,
#define NIBBLE_7(b) (b), (b) + 1, (b) + 2,
#define NIBBLE_8(b) (b) + 3,
#define NIBBLE_9(b) (b), (b) + 3,
#define NIBBLE_A(b) (b) + 1, (b) + 3,
#define NIBBLE_B(b) (b), (b) + 1, (b) + 3,
#define NIBBLE_C(b) (b) + 2, (b) + 3,
#define NIBBLE_D(b) (b), (b) + 2, (b) + 3,
#define NIBBLE_E(b) (b) + 1, (b) + 2, (b) + 3,
#define NIBBLE_F(b) (b), (b) + 1, (b) + 2, (b) + 3,

/* The rows of the bytes whose high nibble this is; but for that of a low nibble of 0. */
#define ROWS(high)                                                                                                     \
    {NIBBLE_1(0) high(4)}, {NIBBLE_2(0) high(4)}, {NIBBLE_3(0) high(4)}, {NIBBLE_4(0) high(4)}, {NIBBLE_5(0) high(4)}, \
    {NIBBLE_6(0) high(4)}, {NIBBLE_7(0) high(4)}, {NIBBLE_8(0) high(4)}, {NIBBLE_9(0) high(4)}, {NIBBLE_A(0) high(4)}, \
    {NIBBLE_B(0) high(4)}, {NIBBLE_C(0) high(4)}, {NIBBLE_D(0) high(4)}, {NIBBLE_E(0) high(4)}, {NIBBLE_F(0) high(4)}
#define SIXTEEN(high) {high(4)}, ROWS(high)

const uint16_t ebnn_set_bits[256][8] = {
    {0}, ROWS(NIBBLE_0), SIXTEEN(NIBBLE_1), SIXTEEN(NIBBLE_2), SIXTEEN(NIBBLE_3), SIXTEEN(NIBBLE_4), SIXTEEN(NIBBLE_5),
    SIXTEEN(NIBBLE_6), SIXTEEN(NIBBLE_7), SIXTEEN(NIBBLE_8), SIXTEEN(NIBBLE_9), SIXTEEN(NIBBLE_A), SIXTEEN(NIBBLE_B),
    SIXTEEN(NIBBLE_C), SIXTEEN(NIBBLE_D), SIXTEEN(NIBBLE_E), SIXTEEN(NIBBLE_F),
};

#define COUNTS(n) (n), (n) + 1, (n) + 1, (n) + 2, (n) + 1, (n) + 2, (n) + 2, (n) + 3, \
    (n) + 1, (n) + 2, (n) + 2, (n) + 3, (n) + 2, (n) + 3, (n) + 3, (n) + 4

const uint8_t ebnn_set_bit_counts[256] = {
    COUNTS(0), COUNTS(1), COUNTS(1), COUNTS(2), COUNTS(1), COUNTS(2), COUNTS(2), COUNTS(3),
    COUNTS(1), COUNTS(2), COUNTS(2), COUNTS(3), COUNTS(2), COUNTS(3), COUNTS(3), COUNTS(4),
};
