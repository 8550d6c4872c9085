/*
 * ebnn_counters.h: counters of 32 neurons at once, a bit of each in one word: bit j of word p is bit p of neuron j's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_COUNTERS_H
#define EBNN_COUNTERS_H

#include "ebnn_internal.h"

/* Planes that ebnn_add_listed takes from the one that it adds to, of which all may lie behind a counter's own. */
#define EBNN_PLANES_BEHIND UINT32_C(5)
#define EBNN_COUNTER_WORDS (EBNN_MOST_SUM_PLANES + EBNN_PLANES_BEHIND)

/*
 * Adds the words at the listed places to counters, each bit to the counter of its neuron. A place is an offset in bytes
 * from `weights`, an address: it is moved along a signal, so it may itself lie before the weights.
 */
void ebnn_add_listed(uint32_t *counters, const uint16_t *list, uint32_t count, uintptr_t weights);
/* Adds numbers of some planes, which lie as counters do, to counters. */
void ebnn_add_numbers(uint32_t *counters, const uint32_t *numbers, uint32_t planes);
/*
 * Adds the unlike bits of `words` words of inputs and their weights to counters of two times `neurons` neurons, 16: in a
 * word of counters each half counts half of the inputs. See ebnn_halves_layer for how the weights lie.
 */
void ebnn_add_unlike_halves(uint32_t *counters, const uint32_t *weights, const uint32_t *inputs, uint32_t words,
                            uint32_t neurons);

/* The first `count` counters as numbers, and up to three more. */
void ebnn_read_counters(const uint32_t *counters, uint32_t planes, uint32_t count, uint32_t *numbers);

/* Which of 32 counters reach their limits, turned over where the word behind the limits says so. */
static inline uint32_t ebnn_reached(const uint32_t *counters, const uint32_t *limits, uint32_t planes)
{
    const uint32_t *const end = limits + planes;
    uint32_t borrow = 0;

    for (; limits != end; limits++, counters++) {
        borrow ^= (borrow ^ *limits) & (*counters ^ *limits);
    }
    return ~borrow ^ *limits;
}

#endif
