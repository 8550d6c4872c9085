/*
 * ebnn_hold.c: see ebnn_hold.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_hold.h"

#include <string.h>

/* For each row two inputs' signs, as many nonzero words, and its place among the fresh tables; and the bank table. */
size_t ebnn_hold_words(size_t count, uint32_t rows)
{
    return 5 * count * rows + (count + 1) / 2;
}

void ebnn_hold_in(ebnn_held *held, uint32_t *words, uint32_t count, uint32_t rows)
{
    const size_t all = (size_t)count * rows;
    uint16_t *banks = (uint16_t *)(void *)(words + 5 * all);

    memset(held, 0, sizeof *held);
    held->sign = words;
    held->nonzero = words + 2 * all;
    held->sensing.sign = held->sign;
    held->sensing.nonzero = held->nonzero;
    held->sensing.fresh = (const int32_t *)(const void *)(words + 4 * all);
    held->sensing.banks = count;
    held->sensing.rows = rows;
    held->banks = banks;
    memset(words + 4 * all, 0xFF, all * sizeof *words); /* -1: certain */
    for (uint32_t bank = 0; bank < count; bank++) {
        banks[bank] = (uint16_t)bank;
    }
}

void ebnn_hold(ebnn_held *held, const ebnn_sensing *sensing, const uint16_t *banks, uint64_t inference,
               ebnn_philox_kernel *philox)
{
    const uint32_t rows = sensing->rows;

    for (uint32_t bank = 0; bank < held->sensing.banks; bank++) {
        for (uint32_t input = 0; input < 2; input++) {
            const ebnn_sense_read read = {inference, 0, input != 0 ? UINT32_MAX : 0, UINT32_MAX};
            const size_t first = 2 * (size_t)bank * rows + input;
            uint32_t sign[EBNN_SENSE_ROWS], nonzero[EBNN_SENSE_ROWS];

            ebnn_sense_rows(sensing, banks[bank], 0, rows, &read, philox, sign, nonzero);
            for (uint32_t row = 0; row < rows; row++) {
                held->sign[first + 2 * (size_t)row] = sign[row];
                held->nonzero[first + 2 * (size_t)row] = nonzero[row];
            }
        }
    }
}
