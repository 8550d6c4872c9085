/*
 * ebnn_values.h: runs of values of any format as int32, so that what is done with them needs no look at their format.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_VALUES_H
#define EBNN_VALUES_H

#include "ebnn_internal.h"

/* Values of a run, as many as a word has bits; they lie on the stack. */
#define EBNN_RUN UINT32_C(32)

/* `count` values of a channel, at neighbouring pixels from `pixel` on, as int32. */
void ebnn_widen(const ebnn_tensor *tensor, const void *data, uint32_t channel, uint32_t pixel, uint32_t count,
                int32_t *buffer);

/* The same where they lie if they are int32, else in `buffer`. */
static inline const int32_t *ebnn_values(const ebnn_tensor *tensor, const void *data, uint32_t channel, uint32_t pixel,
                                         uint32_t count, int32_t *buffer)
{
    if (tensor->format == EBNN_INT32) {
        return (const int32_t *)data + (size_t)channel * ebnn_map(tensor) + pixel;
    }
    ebnn_widen(tensor, data, channel, pixel, count, buffer);
    return buffer;
}

/* How many of the values from `done` on make the next run. */
static inline uint32_t ebnn_run(uint32_t all, uint32_t done)
{
    return all - done < EBNN_RUN ? all - done : EBNN_RUN;
}

#endif
