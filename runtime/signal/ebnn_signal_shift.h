/*
 * ebnn_signal_shift.h: what >> makes of a negative number is the compiler's choice; this rounds down everywhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_SIGNAL_SHIFT_H
#define EBNN_SIGNAL_SHIFT_H

#include <stdint.h>

/* value over 2^shift, rounded down; shift is 1 to 31. 2^31 is added before and taken off behind. */
static inline int32_t ebnn_signal_shift_down(int32_t value, uint32_t shift)
{
    return (int32_t)(((uint32_t)value ^ UINT32_C(0x80000000)) >> shift) - (int32_t)(UINT32_C(0x80000000) >> shift);
}

#endif
