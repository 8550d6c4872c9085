/*
 * ebnn_turns.h: weights that turn into others at given rates, whatever the physical cause, row after row of 32 columns.
 *
 * A weight becomes -1 where its random number u of 32 bits is below a first threshold, else 0 where u is below a second
 * one, else +1. The u of a row's 32 columns come in bit slices, the highest bits first (domain PROGRAM, `event`); mostly
 * a few of them decide all columns, and the others are not drawn.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_TURNS_H
#define EBNN_TURNS_H

#include <stdint.h>

#include "ebnn_sampler.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EBNN_TURN_VALUES 3
#define EBNN_TURN_COLUMNS 32

/* 2^32 times the probabilities of becoming -1, and at most 0; by what a weight is now: -1, 0, +1. */
typedef struct ebnn_law {
    uint64_t minus[EBNN_TURN_VALUES];
    uint64_t at_most_zero[EBNN_TURN_VALUES];
} ebnn_law;

/* Rows and what they are programmed with; bit = column, +1 where both bits are set, -1 where `nonzero` alone is. */
typedef struct ebnn_turns {
    uint64_t seed;
    uint64_t event; /* below 2^48: the programming cycle */
    const uint32_t *bank_row;
    const uint32_t *sign;
    const uint32_t *nonzero;
    const uint16_t *kind; /* each row's place among the laws */
    const ebnn_law *laws;
    const uint64_t *minus;        /* (row, column); NULL: the law says the thresholds, not each column's own */
    const uint64_t *at_most_zero; /* (row, column) */
    uint64_t rows;
} ebnn_turns;

/* What the rows hold then; `nonzero` may be NULL where a law is at work. `kernel` is an ebnn_sampler that this processor can run. */
void ebnn_turn(const ebnn_turns *turns, uint32_t *sign, uint32_t *nonzero, int32_t kernel);

/* sizeof(ebnn_turns): Python compares. */
uint32_t ebnn_turns_bytes(void);

#ifdef __cplusplus
}
#endif

#endif
