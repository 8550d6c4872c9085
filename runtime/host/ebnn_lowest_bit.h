/*
 * ebnn_lowest_bit.h: the place of the lowest bit that is set, of words that are not 0.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_LOWEST_BIT_H
#define EBNN_LOWEST_BIT_H

#include "ebnn_internal.h"

static inline uint32_t ebnn_lowest_bit(uint64_t bits)
{
#if defined(__GNUC__)
    return (uint32_t)__builtin_ctzll(bits);
#else
    const uint64_t below = (bits & (0 - bits)) - 1;

    return ebnn_popcount((uint32_t)below) + ebnn_popcount((uint32_t)(below >> 32));
#endif
}

#endif
