/*
 * ebnn_nibbles.c: see ebnn_nibbles.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_nibbles.h"

#define ONES(n) (((n) & 1) + (((n) >> 1) & 1) + (((n) >> 2) & 1) + (((n) >> 3) & 1))
#define UNLIKE(c, w) ONES(((w) ^ (c)) & ((c) >> 4))
#define SUM(c, w) (4 + ONES((w) & (c) & ((c) >> 4)) - ONES((w) & ~(c) & ((c) >> 4)))

#define ROW(of, c)                                                                                                     \
    {of(c, 0), of(c, 1), of(c, 2),  of(c, 3),  of(c, 4),  of(c, 5),  of(c, 6),  of(c, 7),                              \
     of(c, 8), of(c, 9), of(c, 10), of(c, 11), of(c, 12), of(c, 13), of(c, 14), of(c, 15)}
#define FOUR(of, c) ROW(of, c), ROW(of, (c) + 1), ROW(of, (c) + 2), ROW(of, (c) + 3)
#define SIXTEEN(of, c) FOUR(of, c), FOUR(of, (c) + 4), FOUR(of, (c) + 8), FOUR(of, (c) + 12)
#define SIXTY_FOUR(of, c) SIXTEEN(of, c), SIXTEEN(of, (c) + 16), SIXTEEN(of, (c) + 32), SIXTEEN(of, (c) + 48)
#define TABLE(of) SIXTY_FOUR(of, 0), SIXTY_FOUR(of, 64), SIXTY_FOUR(of, 128), SIXTY_FOUR(of, 192)

const ebnn_nibble_table ebnn_nibbles_unlike = {TABLE(UNLIKE)};
const ebnn_nibble_table ebnn_nibbles_sum = {TABLE(SUM)};
