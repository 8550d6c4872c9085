/*
 * ebnn_hold.h: fresh answers that come once an inference, read once and held, so that no read draws them again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_HOLD_H
#define EBNN_HOLD_H

#include <stddef.h>

#include "ebnn_sense.h"

/* Stripes whose answers are certain, as long as an inference lasts. */
typedef struct ebnn_held {
    ebnn_sensing sensing;  /* bank t, of one stripe, is the t-th of those that are held */
    const uint16_t *banks; /* 0, 1, 2, ...: a bank table for them */
    uint32_t *sign;        /* what `sensing` reads */
    uint32_t *nonzero;
} ebnn_held;

/* Words that ebnn_hold_in needs for `count` stripes of `rows` rows. */
size_t ebnn_hold_words(size_t count, uint32_t rows);

/* Room for `count` stripes in so many words. */
void ebnn_hold_in(ebnn_held *held, uint32_t *words, uint32_t count, uint32_t rows);

/*
 * What the banks that the table names answer in an inference, with either input: of each block of neurons `words` words,
 * one after the other.
 */
void ebnn_hold(ebnn_held *held, const ebnn_sensing *sensing, const uint16_t *banks, uint32_t words, uint64_t inference,
               ebnn_philox_kernel *philox);

#endif
