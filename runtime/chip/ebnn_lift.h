/*
 * ebnn_lift.h: a layer's weights as programmed banks answer for them, in rows of words.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_LIFT_H
#define EBNN_LIFT_H

#include <stdint.h>

#include "ebnn_sense.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a layer lies, and what it is meant to be; the same for all chips and threads. */
typedef struct ebnn_lifted_layer {
    const uint32_t *place;   /* (neuron, word): number among all rows of all stripes, or among those that are held */
    const uint32_t *columns; /* (word): bit = column: where there is a weight at all */
    const uint32_t *sign;    /* (neuron, word): the weights as they are meant, 0 behind the last one */
    const uint32_t *nonzero; /* (neuron, word) */
    uint32_t neurons;
    uint32_t words;
    uint32_t plus_alone; /* 1: the layer's inputs are never -1 */
} ebnn_lifted_layer;

/* A weight that is always read otherwise than meant, with some input at least. */
typedef struct ebnn_wrong_weight {
    uint32_t neuron;
    uint32_t input;    /* place in the row */
    int16_t change[2]; /* read less meant, with an input of -1, and of +1 */
} ebnn_wrong_weight;

/* A word of a row that has to be read again and again: some of its weights are not always read alike. */
typedef struct ebnn_open_word {
    uint32_t neuron;
    uint32_t word;
    uint32_t place; /* number among all rows of all stripes */
    uint32_t lanes; /* bit = column: the weights of which this holds; the list above has none of them */
    uint32_t sign;  /* as they are meant */
    uint32_t nonzero;
} ebnn_open_word;

/* What was lifted. */
typedef struct ebnn_lifted {
    ebnn_wrong_weight *list;
    ebnn_open_word *open;
    uint64_t room;      /* wrong weights that there is room for; those beyond are counted alone */
    uint64_t open_room; /* open words that there is room for; those beyond are counted alone */
    uint64_t listed;    /* wrong weights, by rising neuron and input */
    uint64_t opened;    /* open words, by rising neuron and word */
    uint64_t wrong;     /* weights that are most likely read otherwise than meant with inputs of +1 */
    uint32_t alike;     /* 1: each listed weight changes alike with every input that the layer can have */
    uint32_t unused;
} ebnn_lifted;

void ebnn_lift(const ebnn_sensing *sensing, const ebnn_lifted_layer *layer, ebnn_lifted *lifted);

/* All rows of all layers as one chip holds them, where every read finds them so, and as they are meant. */
typedef struct ebnn_held_rows {
    const uint32_t *sign; /* (row), bit = column */
    const uint32_t *nonzero;
    const uint32_t *meant_sign;
    const uint32_t *meant_nonzero;
    const uint32_t *flag; /* (row): the number of its flag, among those of all layers */
    uint64_t rows;
} ebnn_held_rows;

/* Flags, 64 a word: a neuron of a layer begins a word, and has a flag for each of its words of weights. */
#define EBNN_NEURON_FLAGS(words) (((words) + 63) / 64)

/* Raises the flags, 0 to begin with, of rows that are not held as they are meant; more may be raised. */
void ebnn_flag_held(const ebnn_held_rows *held, uint64_t *flags);

/* As ebnn_lift, of rows that are held; `flags` are those of the layer's neurons, and its places number these rows. */
void ebnn_lift_held(const ebnn_held_rows *held, const ebnn_lifted_layer *layer, const uint64_t *flags,
                    ebnn_lifted *lifted);

/* sizeof of the structs above, added up: Python compares. */
uint32_t ebnn_lift_bytes(void);

#ifdef __cplusplus
}
#endif

#endif
