/*
 * ebnn_flips_portable.c: wrong synapses in plain C; the truth for the other kernels.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_flips_kernel.h"
#include "ebnn_philox.h"

static uint32_t flip_row(const ebnn_flips *flips, uint32_t limit, uint32_t bank_row)
{
    uint32_t less = 0, undecided = UINT32_MAX, words[4];

    for (uint32_t slice = 0; slice < EBNN_FLIP_SLICES && undecided != 0; slice++) {
        const uint32_t part = slice % EBNN_BLOCK_SLICES, limit_bits = ebnn_limit_slice(limit, slice);

        if (part == 0) {
            ebnn_draw(words, flips->seed, EBNN_DOMAIN_PROGRAM, bank_row, 0, flips->event, slice / EBNN_BLOCK_SLICES);
        }
        less |= undecided & ~words[part] & limit_bits;
        undecided &= ~(words[part] ^ limit_bits);
    }
    return less | undecided;
}

void ebnn_flips_portable(const ebnn_flips *flips, uint32_t limit, const uint32_t bank_row[EBNN_FLIP_ROWS],
                         uint32_t masks[EBNN_FLIP_ROWS])
{
    for (uint32_t i = 0; i < EBNN_FLIP_ROWS; i++) {
        masks[i] = flip_row(flips, limit, bank_row[i]);
    }
}
