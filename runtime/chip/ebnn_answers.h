/*
 * ebnn_answers.h: what programmed rows answer, from 2^32 times the probabilities that a read finds -1, and at most 0.
 *
 * The most likely answers of each input, and a table of thresholds for the rows that are not certain: `ebnn_sensing` of
 * ebnn_sense.h reads both.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_ANSWERS_H
#define EBNN_ANSWERS_H

#include <stdint.h>

#include "ebnn_turns.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the answers of rows go; the last index of each is the input, -1 and +1. */
typedef struct ebnn_answers {
    const uint32_t *place; /* of each row, among all rows of all stripes */
    uint32_t *sign;        /* (place, input) */
    uint32_t *nonzero;     /* (place, input) */
    int32_t *fresh;        /* (place): the row's table, or -1 where every answer is certain */
    uint32_t *tables;      /* (table, input, EBNN_READ_WORDS) */
    uint64_t first;        /* number of the first table here */
    uint64_t room;         /* tables that there is room for; those beyond are counted and not written */
    uint64_t count;        /* tables so far, 0 to begin with */
} ebnn_answers;

/* Rows that hold `sign` and `nonzero` and are read as their laws say, with either input. */
void ebnn_answer_by_law(ebnn_answers *answers, uint64_t rows, const uint32_t *sign, const uint32_t *nonzero,
                        const uint16_t *kind, const ebnn_law *laws);

/* Rows with thresholds of their own, (row, column, input), `minus` not the larger one. */
void ebnn_answer(ebnn_answers *answers, uint64_t rows, const uint64_t *minus, const uint64_t *at_most_zero);

/* One row with thresholds (column, input), and one of signs that are always read alike; `minus`: bit = column. */
void ebnn_answer_row(ebnn_answers *answers, uint64_t row, const uint64_t *minus, const uint64_t *at_most_zero);
void ebnn_answer_surely(ebnn_answers *answers, uint64_t row, const uint32_t minus[2]);

/* sizeof(ebnn_answers): Python compares. */
uint32_t ebnn_answers_bytes(void);

#ifdef __cplusplus
}
#endif

#endif
