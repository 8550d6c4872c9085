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
    held->sensing.stripes = count;
    held->sensing.rows = rows;
    held->sensing.bank_words = 1;
    held->banks = banks;
    memset(words + 4 * all, 0xFF, all * sizeof *words); /* -1: certain */
    for (uint32_t bank = 0; bank < count; bank++) {
        banks[bank] = (uint16_t)bank;
    }
}

/* Some rows of a stripe, read with one input. */
static void hold_rows(ebnn_held *held, const ebnn_sensing *sensing, uint32_t place, uint32_t stripe, uint32_t first,
                      const ebnn_sense_read *read, ebnn_philox_kernel *philox)
{
    const uint32_t rows = sensing->rows, left = rows - first;
    const uint32_t count = left < EBNN_SENSE_ROWS ? left : EBNN_SENSE_ROWS;
    uint32_t sign[EBNN_SENSE_ROWS], nonzero[EBNN_SENSE_ROWS];

    ebnn_sense_rows(sensing, stripe, first, count, read, philox, sign, nonzero);
    for (uint32_t i = 0; i < count; i++) {
        const size_t index = 2 * ((size_t)place * rows + first + i) + (read->inputs != 0 ? 1 : 0);

        held->sign[index] = sign[i];
        held->nonzero[index] = nonzero[i];
    }
}

void ebnn_hold(ebnn_held *held, const ebnn_sensing *sensing, const uint16_t *banks, uint32_t words, uint64_t inference,
               ebnn_philox_kernel *philox)
{
    const uint32_t spanned = (words - 1) / sensing->bank_words + 1;

    for (uint32_t place = 0; place < held->sensing.stripes; place++) {
        const uint16_t *block = banks + (size_t)(place / words) * spanned;
        const uint32_t stripe = ebnn_stripe(block, sensing->bank_words, place % words);

        for (uint32_t input = 0; input < 2; input++) {
            const ebnn_sense_read read = {inference, 0, input != 0 ? UINT32_MAX : 0, UINT32_MAX};

            for (uint32_t row = 0; row < sensing->rows; row += EBNN_SENSE_ROWS) {
                hold_rows(held, sensing, place, stripe, row, &read, philox);
            }
        }
    }
}
