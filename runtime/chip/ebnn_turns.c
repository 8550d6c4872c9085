/*
 * ebnn_turns.c: see ebnn_turns.h. A walk over the rows, eight of one law at a time, or each with thresholds of its own.
 *
 * The first two blocks decide nine rows of ten. The others are put aside until there are eight of them, and begin anew.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_turns.h"

#include <stddef.h>
#include <string.h>

#include "ebnn_philox.h"
#include "ebnn_slices.h"
#include "ebnn_turns_kernel.h"

uint32_t ebnn_turns_bytes(void)
{
    return (uint32_t)sizeof(ebnn_turns);
}

static ebnn_turns_kernel *find_kernel(int32_t kernel)
{
#if defined(__x86_64__)
    if (ebnn_sampler_choose(kernel) >= EBNN_SAMPLER_AVX2) {
        return ebnn_turns_avx2;
    }
#endif
    (void)kernel;
    return ebnn_turns_portable;
}

/* A row of which each column has thresholds of its own. */
static void turn_row(const ebnn_turns *turns, uint64_t row, uint32_t *sign, uint32_t *nonzero)
{
    uint32_t minus[EBNN_TURN_SLICES], at_most_zero[EBNN_TURN_SLICES], words[4];
    uint32_t less[2] = {0, 0}, undecided[2] = {UINT32_MAX, UINT32_MAX};
    const uint32_t may_be_minus = ebnn_slice_thresholds(turns->minus + row * EBNN_TURN_COLUMNS, 1, minus);
    const uint32_t may_be_zero = ebnn_slice_thresholds(turns->at_most_zero + row * EBNN_TURN_COLUMNS, 1, at_most_zero);

    for (uint32_t slice = 0; slice < EBNN_TURN_SLICES && (undecided[0] | undecided[1]) != 0; slice++) {
        const uint32_t part = slice % EBNN_BLOCK_SLICES;

        if (part == 0) {
            ebnn_draw(words, turns->seed, EBNN_DOMAIN_PROGRAM, turns->bank_row[row], 0, turns->event,
                      slice / EBNN_BLOCK_SLICES);
        }
        less[0] |= undecided[0] & ~words[part] & minus[slice];
        less[1] |= undecided[1] & ~words[part] & at_most_zero[slice];
        undecided[0] &= ~(words[part] ^ minus[slice]);
        undecided[1] &= ~(words[part] ^ at_most_zero[slice]);
    }
    *sign = ~((less[1] | undecided[1]) & may_be_zero);
    *nonzero = ((less[0] | undecided[0]) & may_be_minus) | *sign;
}

static void slice_law(const ebnn_law *law, ebnn_sliced_law *sliced)
{
    for (uint32_t value = 0; value < EBNN_TURN_VALUES; value++) {
        const uint64_t minus = law->minus[value], zero = law->at_most_zero[value];

        for (uint32_t slice = 0; slice < EBNN_TURN_SLICES; slice++) {
            sliced->minus[slice][value] = ebnn_slice_of(minus, slice);
            sliced->at_most_zero[slice][value] = ebnn_slice_of(zero, slice);
        }
        sliced->may_be_minus[value] = ebnn_may_be(minus);
        sliced->may_be_zero[value] = ebnn_may_be(zero);
    }
    sliced->signs = law->minus[0] == law->at_most_zero[0] && law->minus[2] == law->at_most_zero[2];
}

/* Rows of one law at work. */
typedef struct law_rows {
    const ebnn_turns *turns;
    ebnn_turns_kernel *kernel;
    ebnn_sliced_law law;
    uint32_t *sign; /* what is found, of all rows */
    uint32_t *nonzero;
} law_rows;

/* At most EBNN_TURN_ROWS rows, wherever they are, to the end; rows behind the last one are drawn for nothing. */
static void turn_listed(const law_rows *at, const uint64_t *list, uint32_t count)
{
    uint32_t bank_row[EBNN_TURN_ROWS], sign[EBNN_TURN_ROWS], nonzero[EBNN_TURN_ROWS];
    const ebnn_turned rows = {bank_row, sign, nonzero, sign, nonzero};

    if (count == 0) {
        return;
    }
    for (uint32_t i = 0; i < EBNN_TURN_ROWS; i++) {
        const uint64_t row = list[i < count ? i : 0];

        bank_row[i] = at->turns->bank_row[row];
        sign[i] = at->turns->sign[row];
        nonzero[i] = at->turns->nonzero[row];
    }
    (void)at->kernel(at->turns, &at->law, &rows, EBNN_TURN_PAIRS);
    for (uint32_t i = 0; i < count; i++) {
        at->sign[list[i]] = sign[i];
        if (at->nonzero != NULL) {
            at->nonzero[list[i]] = nonzero[i];
        }
    }
}

/* Rows `first` to `end` of one law. */
static void turn_rows(const law_rows *at, uint64_t first, uint64_t end)
{
    const ebnn_turns *turns = at->turns;
    uint64_t aside[2 * EBNN_TURN_ROWS];
    uint32_t count = 0;

    for (; end - first >= EBNN_TURN_ROWS; first += EBNN_TURN_ROWS) {
        const ebnn_turned rows = {turns->bank_row + first, turns->sign + first, turns->nonzero + first,
                                  at->sign + first, at->nonzero == NULL ? NULL : at->nonzero + first};
        const uint32_t open = at->kernel(turns, &at->law, &rows, 1);

        for (uint32_t i = 0; i < EBNN_TURN_ROWS; i++) {
            aside[count] = first + i;
            count += open >> i & 1;
        }
        if (count >= EBNN_TURN_ROWS) {
            turn_listed(at, aside, EBNN_TURN_ROWS);
            count -= EBNN_TURN_ROWS;
            memcpy(aside, aside + EBNN_TURN_ROWS, count * sizeof *aside);
        }
    }
    turn_listed(at, aside, count);
    for (count = 0; first < end; first++) {
        aside[count++] = first;
    }
    turn_listed(at, aside, count);
}

void ebnn_turn(const ebnn_turns *turns, uint32_t *sign, uint32_t *nonzero, int32_t kernel)
{
    law_rows at;

    if (turns->minus != NULL) {
        for (uint64_t row = 0; row < turns->rows; row++) {
            turn_row(turns, row, &sign[row], &nonzero[row]);
        }
        return;
    }
    at.turns = turns;
    at.kernel = find_kernel(kernel);
    at.sign = sign;
    at.nonzero = nonzero;
    for (uint64_t first = 0, end; first < turns->rows; first = end) {
        const uint16_t kind = turns->kind[first];

        for (end = first + 1; end < turns->rows && turns->kind[end] == kind;) {
            end++;
        }
        slice_law(&turns->laws[kind], &at.law);
        turn_rows(&at, first, end);
    }
}
