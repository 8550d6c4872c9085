/*
 * ebnn_flips.c: see ebnn_flips.h. A walk over the rows, a few at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_flips.h"

#include <stddef.h>
#include <string.h>

#include "ebnn_flips_kernel.h"
#include "ebnn_internal.h"

uint32_t ebnn_flips_bytes(void)
{
    return (uint32_t)sizeof(ebnn_flips);
}

static ebnn_flips_kernel *find_kernel(int32_t kernel)
{
#if defined(__x86_64__)
    if (ebnn_sampler_choose(kernel) == EBNN_SAMPLER_AVX2) {
        return ebnn_flips_avx2;
    }
#endif
    (void)kernel;
    return ebnn_flips_portable;
}

/* bank << 5 | row of EBNN_FLIP_ROWS rows from row `first` of all; those behind the last row are drawn for nothing. */
static void number_rows(const ebnn_flips *flips, uint64_t first, uint32_t bank_row[EBNN_FLIP_ROWS])
{
    uint32_t bank = flips->first_bank + (uint32_t)(first / flips->rows), row = (uint32_t)(first % flips->rows);

    for (uint32_t i = 0; i < EBNN_FLIP_ROWS; i++) {
        bank_row[i] = bank << 5 | row;
        row++;
        if (row == flips->rows) {
            row = 0;
            bank++;
        }
    }
}

/* The masks of EBNN_FLIP_ROWS rows; u below 0 is never, which no limit says. */
static void flip_rows(ebnn_flips_kernel *kernel, const ebnn_flips *flips, uint64_t first,
                      uint32_t masks[EBNN_FLIP_ROWS])
{
    uint32_t bank_row[EBNN_FLIP_ROWS];

    if (flips->threshold == 0) {
        memset(masks, 0, EBNN_FLIP_ROWS * sizeof *masks);
        return;
    }
    number_rows(flips, first, bank_row);
    kernel(flips, (uint32_t)(flips->threshold - 1), bank_row, masks);
}

uint64_t ebnn_sample_flips(const ebnn_flips *flips, uint32_t *masks, int32_t kernel)
{
    const uint64_t all = (uint64_t)flips->banks * flips->rows;
    ebnn_flips_kernel *found = find_kernel(kernel);
    uint64_t count = 0;

    for (uint64_t first = 0; first < all; first += EBNN_FLIP_ROWS) {
        const uint32_t rows = all - first < EBNN_FLIP_ROWS ? (uint32_t)(all - first) : EBNN_FLIP_ROWS;
        uint32_t wrong[EBNN_FLIP_ROWS];

        flip_rows(found, flips, first, wrong);
        for (uint32_t i = 0; i < rows; i++) {
            count += ebnn_popcount(wrong[i]);
            if (masks != NULL) {
                masks[first + i] = wrong[i];
            }
        }
    }
    return count;
}
