/*
 * ebnn_count.h: how many bits are set in a combination of rows of `words` words each.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_COUNT_H
#define EBNN_COUNT_H

#include <stdint.h>

/* Words that are added at once. Rows of fewer are counted in another way. */
#define EBNN_COUNT_BLOCK UINT32_C(8)

/* a ^ b */
uint32_t ebnn_count_unlike(const uint32_t *a, const uint32_t *b, uint32_t words);
/* (a ^ b) & mask & other; the masks may be the same */
uint32_t ebnn_count_unlike_in(const uint32_t *a, const uint32_t *b, const uint32_t *mask, const uint32_t *other,
                              uint32_t words);
/* a & b & c; all may be the same */
uint32_t ebnn_count_common(const uint32_t *a, const uint32_t *b, const uint32_t *c, uint32_t words);

/* a ^ row of each of `count` rows that lie one behind the other */
void ebnn_count_unlike_rows(const uint32_t *rows, const uint32_t *row, uint32_t words, uint32_t count,
                            uint32_t *counts);

#endif
