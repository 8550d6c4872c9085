/*
 * ebnn_count.h: how many bits are set in a combination of rows of `words` words each.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_COUNT_H
#define EBNN_COUNT_H

#include <stdint.h>

/* a ^ b */
uint32_t ebnn_count_unlike(const uint32_t *a, const uint32_t *b, uint32_t words);
/* (a ^ b) & mask */
uint32_t ebnn_count_unlike_in(const uint32_t *a, const uint32_t *b, const uint32_t *mask, uint32_t words);
/* (a ^ b) & mask & other */
uint32_t ebnn_count_unlike_in_both(const uint32_t *a, const uint32_t *b, const uint32_t *mask, const uint32_t *other,
                                   uint32_t words);
/* a & b */
uint32_t ebnn_count_common(const uint32_t *a, const uint32_t *b, uint32_t words);
/* a & b & c */
uint32_t ebnn_count_common_to_all(const uint32_t *a, const uint32_t *b, const uint32_t *c, uint32_t words);

#endif
