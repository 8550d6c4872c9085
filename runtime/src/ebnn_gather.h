/*
 * ebnn_gather.h: the inputs of all neurons of a group at one output pixel, as rows of bits beside the weights' rows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_GATHER_H
#define EBNN_GATHER_H

#include "ebnn_internal.h"

typedef struct ebnn_gathered {
    /*
     * What a neuron of +1 weights alone would make of an all-ones input: of bits and trits the number of inputs that
     * are there and not zero; of elements the sum of all inputs, modulo 2^32.
     */
    uint32_t total;
    bool whole; /* no input of this window is missing, so the mask can be left out; of bits only */
} ebnn_gathered;

/*
 * Fills `vectors`, layer->row_words words each: input.planes vectors of values, then one of the mask.
 *   bits      value: 1 is +1; mask: the input exists (padding of 0 is none)
 *   trits     value: 1 is +1; mask: the input is not zero
 *   elements  plane p: bit p of each input in two's complement; the mask is left alone
 * Behind the last input all bits are 0.
 */
ebnn_gathered ebnn_gather(const ebnn_linear_layer *layer, const void *input, uint32_t group, uint32_t row,
                          uint32_t column, uint32_t *vectors);

/* The inputs of a pixel's neurons where they are: gathered in the scratch, or in the map, which needs no mask. */
typedef struct ebnn_inputs {
    ebnn_gathered gathered;
    const uint32_t *values;
    const uint32_t *mask; /* NULL: in the map */
} ebnn_inputs;

/* The scratch holds ebnn_linear_scratch_words(layer) words. */
ebnn_inputs ebnn_inputs_at(const ebnn_linear_layer *layer, const void *input, uint32_t group, uint32_t row,
                           uint32_t column, uint32_t *scratch);

#endif
