/*
 * ebnn_pooled.h: where a layer's bits go that are pooled as they are made, so that the map before the pool needs no memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_POOLED_H
#define EBNN_POOLED_H

#include "ebnn_internal.h"

typedef struct ebnn_pooled_at {
    uint32_t *words; /* of the output's pixel */
    bool more;       /* a bit of its pool is there already */
    const uint32_t *directions;
} ebnn_pooled_at;

/* Rows or columns of a layer's outputs that fill pools. */
static inline uint32_t ebnn_pooled_extent(uint32_t extent, uint32_t pool)
{
    return pool == 0 ? extent : extent - extent % pool;
}

/* Where the outputs at (row, column) go; a pool's first row of outputs is made before its others, and so its columns. */
static inline ebnn_pooled_at ebnn_pooled_at_pixel(const ebnn_pooled *pooled, const ebnn_tensor *to, void *output,
                                                  uint32_t row, uint32_t column)
{
    ebnn_pooled_at at = {NULL, false, pooled->directions};
    uint32_t width = to->width;

    if (pooled->height != 0) {
        at.more = row % pooled->height != 0 || column % pooled->width != 0;
        row /= pooled->height;
        column /= pooled->width;
        width /= pooled->width;
    }
    at.words = (uint32_t *)output + ebnn_at(row * width + column, ebnn_pixel_words(to), 0);
    return at;
}

/* A word of a pixel's bits. */
EBNN_INLINE void ebnn_put_pooled(const ebnn_pooled_at *at, uint32_t word, uint32_t bits)
{
    if (at->more) {
        const uint32_t down = at->directions != NULL ? at->directions[word] : 0;
        const uint32_t before = at->words[word];

        bits = ((before | bits) & ~down) | (before & bits & down);
    }
    at->words[word] = bits;
}

#endif
