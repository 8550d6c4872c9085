/*
 * ebnn_fetch_ahead.h: memory that is about to be read here and there, brought near in the order in which it lies.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_FETCH_AHEAD_H
#define EBNN_FETCH_AHEAD_H

#include <stddef.h>

static inline void ebnn_fetch_ahead(const void *from, size_t bytes)
{
#if defined(__GNUC__)
    for (size_t i = 0; i < bytes; i += 64) {
        __builtin_prefetch((const char *)from + i);
    }
#else
    (void)from;
    (void)bytes;
#endif
}

#endif
