/*
 * ebnn_turns.c: see ebnn_turns.h. A walk over the rows, eight of one law at a time, or each with thresholds of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_turns.h"

#include <stddef.h>

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
    if (ebnn_sampler_choose(kernel) == EBNN_SAMPLER_AVX2) {
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

/* Rows from `first` on, as many as have the first one's law, at most EBNN_TURN_ROWS; answers how many. */
static uint32_t turn_some(const ebnn_turns *turns, uint64_t first, ebnn_turns_kernel *kernel, uint32_t *sign,
                          uint32_t *nonzero)
{
    const uint16_t kind = turns->kind[first];
    ebnn_turned rows;
    uint32_t count = 0;

    while (count < EBNN_TURN_ROWS && first + count < turns->rows && turns->kind[first + count] == kind) {
        count++;
    }
    for (uint32_t i = 0; i < EBNN_TURN_ROWS; i++) {
        const uint64_t row = first + (i < count ? i : 0); /* rows behind the last one are drawn for nothing */

        rows.bank_row[i] = turns->bank_row[row];
        rows.sign[i] = turns->sign[row];
        rows.nonzero[i] = turns->nonzero[row];
    }
    kernel(turns, &turns->laws[kind], &rows);
    for (uint32_t i = 0; i < count; i++) {
        sign[first + i] = rows.sign[i];
        nonzero[first + i] = rows.nonzero[i];
    }
    return count;
}

void ebnn_turn(const ebnn_turns *turns, uint32_t *sign, uint32_t *nonzero, int32_t kernel)
{
    ebnn_turns_kernel *found = find_kernel(kernel);

    if (turns->minus == NULL) {
        for (uint64_t row = 0; row < turns->rows;) {
            row += turn_some(turns, row, found, sign, nonzero);
        }
        return;
    }
    for (uint64_t row = 0; row < turns->rows; row++) {
        turn_row(turns, row, &sign[row], &nonzero[row]);
    }
}
