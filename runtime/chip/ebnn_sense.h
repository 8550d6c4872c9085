/*
 * ebnn_sense.h: what the sense amplifiers answer when rows of programmed banks are read.
 *
 * The same as edgebnn/chip/banks/programmed_banks.py, which says what the tables hold, to the bit.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_SENSE_H
#define EBNN_SENSE_H

#include <stdint.h>

#include "ebnn_philox_rows.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EBNN_READ_SLICES 32
/* Words of one input's part of a fresh table. */
#define EBNN_READ_WORDS (3 + 2 * EBNN_READ_SLICES)
/* Rows that one call can read. */
#define EBNN_SENSE_ROWS 32

/*
 * Programmed banks, stripe by stripe: 32 columns of a bank through all of its rows, what one word of a row covers.
 * Stripe `bank * bank_words + word` is that of a bank's word. Input 0 is -1, input 1 is +1. The same for all threads:
 * nothing in here is written to.
 */
typedef struct ebnn_sensing {
    const uint32_t *sign;    /* (stripe, row, input): the most likely answers, bit = column */
    const uint32_t *nonzero; /* (stripe, row, input) */
    const int32_t *fresh;    /* (stripe, row): place among the tables, -1 where every answer is certain */
    const uint32_t *tables;  /* (place, input, EBNN_READ_WORDS) */
    const uint8_t *signs;    /* (place): 1 where no column is ever read as 0, so that its two thresholds are one */
    uint64_t seed;
    uint32_t stripes;
    uint32_t rows;
    uint32_t bank_words; /* stripes of a bank */
    uint32_t row_bits;   /* of a row's number in a draw's counter: stripe << row_bits | row */
    uint32_t each_read;  /* 1: fresh answers come anew with each read, 0: with each inference */
    uint32_t unused;
} ebnn_sensing;

/* The stripe that holds word `word` of a neuron's row in the banks that it spans. */
static inline uint32_t ebnn_stripe(const uint16_t *banks, uint32_t bank_words, uint32_t word)
{
    return banks[word / bank_words] * bank_words + word % bank_words;
}

/* One read, of one row or of several with the same inputs. */
typedef struct ebnn_sense_read {
    uint64_t inference; /* below 2^48 */
    uint32_t number;    /* tells the reads of a row within the inference apart */
    uint32_t inputs;    /* bit = column: 1 is +1, 0 is -1 */
    uint32_t wanted;    /* columns whose answers are wanted; those of the others are their most likely ones */
} ebnn_sense_read;

/* sizeof(ebnn_sensing): Python checks that its mirror of the struct has the same size. */
uint32_t ebnn_sensing_bytes(void);

/* Rows `row` to `row + count` of a stripe, at most EBNN_SENSE_ROWS, read once: their weights, bit = column. */
void ebnn_sense_rows(const ebnn_sensing *sensing, uint32_t stripe, uint32_t row, uint32_t count,
                     const ebnn_sense_read *read, ebnn_philox_kernel *philox, uint32_t *sign, uint32_t *nonzero);

/* A word of a row with inputs of its own, and what it is read as. */
typedef struct ebnn_sensed_word {
    uint32_t place; /* number of its row among all rows of all stripes */
    uint32_t inputs;
    uint32_t wanted;
    uint32_t sign;
    uint32_t nonzero;
} ebnn_sensed_word;

/* Words of any rows, at most EBNN_SENSE_ROWS, each read once: the read `number` of an inference. */
void ebnn_sense_words(const ebnn_sensing *sensing, uint64_t inference, uint32_t number, ebnn_sensed_word *words,
                      uint32_t count, ebnn_philox_kernel *philox);

/* One row with all of its columns. */
void ebnn_sense_row(const ebnn_sensing *sensing, uint32_t stripe, uint32_t row, uint64_t inference, uint32_t number,
                    uint32_t inputs, uint32_t *sign, uint32_t *nonzero);

#ifdef __cplusplus
}
#endif

#endif
