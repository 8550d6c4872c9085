/*
 * ebnn_host_codes.h: the inputs of an output pixel as the kernels take them: codes of bits and trits, bytes of elements.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_HOST_CODES_H
#define EBNN_HOST_CODES_H

#include "ebnn_internal.h"

/*
 * How a layer's inputs are coded. Elements of several bytes become as many planes, the highest byte of a signed format
 * with 128 added, so that all are plain bytes. Where windows overlap, a sample's map is coded once, pixel after pixel.
 */
typedef struct ebnn_code_plan {
    uint32_t planes;     /* 1 for bits and trits */
    size_t plane_bytes;  /* of a vector: two an octet of bits, eight an octet of elements */
    size_t vector_bytes; /* of all planes */
    size_t map_bytes;    /* 0: windows are coded one by one */
} ebnn_code_plan;

ebnn_code_plan ebnn_plan_codes(const ebnn_linear_layer *layer);

/* The map of a sample, where the plan has one. */
void ebnn_code_map(const ebnn_linear_layer *layer, const void *sample, uint8_t *map);

/*
 * Fills `codes` with the inputs of a group's neurons at an output pixel; what is behind the last input counts for
 * nothing. `words` is scratch of ebnn_linear_scratch_words(layer) words. The answer is how many inputs count, of bits and
 * trits; of elements the sum of all coded values, modulo 2^32.
 */
uint32_t ebnn_code_window(const ebnn_linear_layer *layer, const ebnn_code_plan *plan, const void *sample,
                          const uint8_t *map, uint32_t group, uint32_t row, uint32_t column, uint32_t *words,
                          uint8_t *codes);

#endif
