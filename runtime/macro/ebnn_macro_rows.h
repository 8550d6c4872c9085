/*
 * ebnn_macro_rows.h: one word of one row of a bank, programmed or read back; for the files of this folder.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_MACRO_ROWS_H
#define EBNN_MACRO_ROWS_H

#include "ebnn.h"

/* Every column of a binary row holds a weight; those behind the last input are never counted. */
#define EBNN_ALL_COLUMNS UINT32_C(0xFFFFFFFF)

/* A word of a row, bit = column: +1 where both are set, -1 where `nonzero` alone is, else 0. */
typedef struct ebnn_row_word {
    uint32_t bank;
    uint32_t row;
    uint32_t word; /* of the bank's row */
    uint32_t sign;
    uint32_t nonzero;
} ebnn_row_word;

/* What words are programmed with from now on, as the register `program_policy` has it, and whether they are ternary. */
void ebnn_macro_set_kind(uint32_t policy, uint32_t ternary);

/* EBNN_OK, or EBNN_ERROR_DEVICE where the macro refuses the word. */
int32_t ebnn_macro_program_word(const ebnn_row_word *word);

/* What is read where a word is programmed, once: EBNN_OK, or EBNN_ERROR_DEVICE. Of `held` the place alone matters. */
int32_t ebnn_macro_read_word(const ebnn_row_word *held, uint32_t *sign, uint32_t *nonzero);

/* The columns whose weights in `sign` and `nonzero` are other ones than in `word`. */
static inline uint32_t ebnn_unlike(const ebnn_row_word *word, uint32_t sign, uint32_t nonzero)
{
    return (nonzero ^ word->nonzero) | ((sign ^ word->sign) & nonzero);
}

/* How many of the columns in `columns` read otherwise than `word` says, or EBNN_ERROR_DEVICE. */
int32_t ebnn_macro_compare_word(const ebnn_row_word *word, uint32_t columns);

/*
 * What is done with word `place` of a neuron's row, whose inputs are the columns in `columns`. The answers are added up; a
 * negative one is a status and ends the walk.
 */
typedef int32_t ebnn_word_work(const ebnn_row_word *word, uint32_t columns, uint32_t neuron, uint32_t place,
                               const void *user);

/* All words of a layer's rows. EBNN_ERROR_BANKS where it has no banks. */
int32_t ebnn_macro_walk(const ebnn_linear_layer *layer, ebnn_word_work *work, const void *user);

#endif
