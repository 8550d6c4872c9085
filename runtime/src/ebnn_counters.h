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

#endif
