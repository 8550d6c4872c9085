/*
 * ebnn_turns_portable.c: rows of one law in plain C; the truth for the other kernels.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "ebnn_philox.h"
#include "ebnn_turns_kernel.h"

/* Column by column that of three words which belongs to its weight. */
static uint32_t of_value(const uint32_t words[EBNN_TURN_VALUES], const uint32_t is[EBNN_TURN_VALUES])
{
    uint32_t found = 0;

    for (uint32_t value = 0; value < EBNN_TURN_VALUES; value++) {
        found |= is[value] & words[value];
    }
    return found;
}

/* Row `i`; answers whether all of its columns are decided. */
static bool turn_row(const ebnn_turns *turns, const ebnn_sliced_law *law, const ebnn_turned *rows, uint32_t i,
                     uint32_t slices)
{
    const uint32_t sign = rows->sign[i], nonzero = rows->nonzero[i];
    const uint32_t is[EBNN_TURN_VALUES] = {nonzero & ~sign, ~nonzero, nonzero & sign};
    uint32_t less[2] = {0, 0}, undecided[2] = {UINT32_MAX, UINT32_MAX}, words[4];

    for (uint32_t slice = 0; slice < slices && (undecided[0] | undecided[1]) != 0; slice++) {
        const uint32_t part = slice % EBNN_BLOCK_SLICES;
        const uint32_t minus = of_value(law->minus[slice], is), zero = of_value(law->at_most_zero[slice], is);

        if (part == 0) {
            ebnn_draw(words, turns->seed, EBNN_DOMAIN_PROGRAM, rows->bank_row[i], 0, turns->event,
                      slice / EBNN_BLOCK_SLICES);
        }
        less[0] |= undecided[0] & ~words[part] & minus;
        less[1] |= undecided[1] & ~words[part] & zero;
        undecided[0] &= ~(words[part] ^ minus);
        undecided[1] &= ~(words[part] ^ zero);
    }
    rows->found_sign[i] = ~((less[1] | undecided[1]) & of_value(law->may_be_zero, is));
    if (rows->found_nonzero != NULL) {
        rows->found_nonzero[i] = ((less[0] | undecided[0]) & of_value(law->may_be_minus, is)) | rows->found_sign[i];
    }
    return slices == EBNN_TURN_SLICES || (undecided[0] | undecided[1]) == 0;
}

uint32_t ebnn_turns_portable(const ebnn_turns *turns, const ebnn_sliced_law *law, const ebnn_turned *rows,
                             uint32_t pairs)
{
    uint32_t open = 0;

    for (uint32_t i = 0; i < EBNN_TURN_ROWS; i++) {
        open |= (turn_row(turns, law, rows, i, pairs * EBNN_PAIR_SLICES) ? UINT32_C(0) : UINT32_C(1)) << i;
    }
    return open;
}
