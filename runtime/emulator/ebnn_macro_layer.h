/*
 * ebnn_macro_layer.h: a run command decoded from the registers and checked; private to the macro's model.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_MACRO_LAYER_H
#define EBNN_MACRO_LAYER_H

#include "ebnn_macro_model.h"

/* One tensor as the macro walks it. */
typedef struct ebnn_macro_tensor {
    uint8_t *bytes; /* the host's bytes of the whole tensor */
    uint32_t format;
    uint32_t height;
    uint32_t width;
    uint32_t channels;
    uint32_t pixel_words;   /* of a packed format, 0 for elements */
    uint32_t element_bytes; /* of elements, 0 for a packed format */
} ebnn_macro_tensor;

typedef struct ebnn_macro_layer {
    ebnn_macro_tensor input;
    ebnn_macro_tensor output;
    bool input_signed;
    uint32_t planes;
    uint32_t kernel[2], stride[2], dilation[2], padding[2]; /* vertical, horizontal */
    int32_t pad_value;
    uint32_t groups;
    uint32_t group_channels;
    uint32_t group_neurons;
    uint32_t row_words;
    uint32_t spanned_banks; /* that hold so many words of a row */
    bool ternary;
    const uint8_t *banks;      /* 16-bit numbers, (block of neurons, bank that they span) */
    const uint8_t *thresholds; /* int32, `steps` a neuron */
    const uint8_t *directions; /* NULL: no bit is set */
    const uint8_t *zones[2];   /* 16-bit numbers, a row and a column of the output; a pixel's zone is their sum */
    const uint8_t *starts;     /* int32, (zone, neuron); NULL: sums start from 0 */
    uint32_t shift;            /* of the sums */
    uint32_t steps;
    int32_t low;
    int32_t step;
} ebnn_macro_layer;

/* Decodes the registers; NULL, or the reason why the command is refused. Counts the tables that are read. */
const char *ebnn_macro_decode(ebnn_macro_model *macro, ebnn_macro_layer *layer);

#endif
