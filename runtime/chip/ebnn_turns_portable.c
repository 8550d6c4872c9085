/*
 * ebnn_turns_portable.c: rows of one law in plain C; the truth for the other kernels.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_philox.h"
#include "ebnn_turns_kernel.h"

/* Column by column the slice that belongs to its weight. */
static uint32_t slice_for(const uint64_t thresholds[EBNN_TURN_VALUES], const uint32_t is[EBNN_TURN_VALUES],
                          uint32_t slice)
{
    uint32_t found = 0;

    for (uint32_t value = 0; value < EBNN_TURN_VALUES; value++) {
        found |= is[value] & ebnn_slice_of(thresholds[value], slice);
    }
    return found;
}

static uint32_t may_be(const uint64_t thresholds[EBNN_TURN_VALUES], const uint32_t is[EBNN_TURN_VALUES])
{
    uint32_t found = 0;

    for (uint32_t value = 0; value < EBNN_TURN_VALUES; value++) {
        found |= is[value] & ebnn_may_be(thresholds[value]);
    }
    return found;
}

static void turn_row(const ebnn_turns *turns, const ebnn_law *law, uint32_t bank_row, uint32_t *sign, uint32_t *nonzero)
{
    const uint32_t is[EBNN_TURN_VALUES] = {*nonzero & ~*sign, ~*nonzero, *nonzero & *sign};
    uint32_t less[2] = {0, 0}, undecided[2] = {UINT32_MAX, UINT32_MAX}, words[4];

    for (uint32_t slice = 0; slice < EBNN_TURN_SLICES && (undecided[0] | undecided[1]) != 0; slice++) {
        const uint32_t part = slice % EBNN_BLOCK_SLICES;
        const uint32_t minus = slice_for(law->minus, is, slice), zero = slice_for(law->at_most_zero, is, slice);

        if (part == 0) {
            ebnn_draw(words, turns->seed, EBNN_DOMAIN_PROGRAM, bank_row, 0, turns->event, slice / EBNN_BLOCK_SLICES);
        }
        less[0] |= undecided[0] & ~words[part] & minus;
        less[1] |= undecided[1] & ~words[part] & zero;
        undecided[0] &= ~(words[part] ^ minus);
        undecided[1] &= ~(words[part] ^ zero);
    }
    *sign = ~((less[1] | undecided[1]) & may_be(law->at_most_zero, is));
    *nonzero = ((less[0] | undecided[0]) & may_be(law->minus, is)) | *sign;
}

void ebnn_turns_portable(const ebnn_turns *turns, const ebnn_law *law, ebnn_turned *rows)
{
    for (uint32_t i = 0; i < EBNN_TURN_ROWS; i++) {
        turn_row(turns, law, rows->bank_row[i], &rows->sign[i], &rows->nonzero[i]);
    }
}
