/*
 * ebnn_host_block.h: a block of vectors of a layer, and what becomes of their sums; private to the batch executor.
 *
 * A vector has the inputs of an output pixel. A block lies within one sample, or has one pixel of each of several.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_HOST_BLOCK_H
#define EBNN_HOST_BLOCK_H

#include "ebnn_host_linear.h"

/* `count` vectors from pixel `pixel` of sample `sample` on, and their sums. */
typedef struct ebnn_host_block {
    const ebnn_linear_layer *layer;
    size_t sample;
    uint32_t pixel;
    size_t count;
    uint32_t *sums; /* of the first vector: in the scratch, or where they are wanted in the end */
    size_t sums_stride;
    bool in_place;
} ebnn_host_block;

/* The first block of up to `vectors`, whose sums have room in `scratch` for as many vectors of the layer's channels. */
ebnn_host_block ebnn_first_block(const ebnn_linear_layer *layer, ebnn_host_series target, size_t batch, size_t vectors,
                                 uint32_t *scratch);

/* The block behind it; there is one as long as its sample is below `batch`. */
void ebnn_next_block(ebnn_host_block *block, ebnn_host_series target, size_t batch, size_t vectors);

/* Of the block's vector `vector`. */
size_t ebnn_block_sample(const ebnn_host_block *block, size_t vector);
uint32_t ebnn_block_pixel(const ebnn_host_block *block, size_t vector);

/* Puts the block's sums through the layer's step function, or writes them as they are. */
void ebnn_write_block(const ebnn_host_block *block, ebnn_host_series target, const ebnn_kernel *kernel);

#endif
