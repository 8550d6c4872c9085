/*
 * ebnn_active_lists.h: which inputs of a strip of a map are active, plane by plane.
 *
 * A plane's weight is a power of two, and an input is the sum of those of the planes in which it is listed, times 2 for
 * bits that are always there, less an offset: one of bits and trits, 2^(planes - 1) of signed elements.
 *
 *   bits, one plane     x = 2 u - 1
 *   bits, two planes    x = u - 1, u in 0 to 2, of which 1 is an input that is missing, and is not listed
 *   trits, two planes   x = u - 1
 *   elements            x = u, or u - 2^(planes - 1) where they are signed
 *
 * Where more than half of all planes' bits are set, inputs are turned over (the largest u less u), so that no more than
 * half are ever listed. A row of the strip has one list a plane; neighbouring pixels' lists lie one behind the other, so
 * a window's is a stretch of it. An entry is 4 times the input's number, counted from the first pixel of the strip.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_ACTIVE_LISTS_H
#define EBNN_ACTIVE_LISTS_H

#include "ebnn_internal.h"

typedef struct ebnn_active_lists {
    const ebnn_active_layer *layer;
    const void *input;
    bool turned;
    uint32_t planes;              /* that are listed, the highest ones */
    uint32_t pixels;              /* of a row of the strip */
    uint32_t first_row;           /* the place of the window's first row among those that are listed */
    const uint16_t *first_starts; /* of that row */
    uint16_t *starts;             /* pixels + 1 for each listed plane of each row of the window */
    uint16_t *values;             /* of elements, a row of the strip */
    uint16_t *list;
} ebnn_active_lists;

/* Whether u counts twice. */
static inline bool ebnn_counts_twice(const ebnn_active_layer *layer)
{
    return layer->input.format == EBNN_BITS && layer->planes == 1;
}

/* Lists of a layer's inputs in its scratch, empty at first. */
ebnn_active_lists ebnn_active_lists_in(const ebnn_active_layer *layer, const void *input, uint32_t *scratch);

/*
 * Lists what the windows of a strip see, whose first output is (row, column). Rows of the output follow one another from
 * the first on: what the row before has listed already stays.
 */
void ebnn_list_strip(ebnn_active_lists *lists, uint32_t row, uint32_t column);

/*
 * Where a window that begins at a pixel of the strip finds the starts of its rows' lists, a list for each plane of each row:
 * the first row's first plane, and the next of any. Rows come round.
 */
static inline const uint16_t *ebnn_first_list(const ebnn_active_lists *lists, uint32_t pixel)
{
    return lists->first_starts + pixel;
}

static inline const uint16_t *ebnn_next_list(const ebnn_active_lists *lists, const uint16_t *starts)
{
    starts += lists->pixels + 1;
    return starts < lists->values ? starts : starts - (lists->values - lists->starts);
}

/* How many of a list a window sees: from entry *starts on. */
static inline uint32_t ebnn_listed(const ebnn_active_lists *lists, const uint16_t *starts)
{
    return (uint32_t)starts[lists->layer->window.kernel_width] - *starts;
}

#endif
