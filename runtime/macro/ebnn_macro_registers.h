/*
 * ebnn_macro_registers.h: access to the macro's registers, and the wait for a command; for the files of this folder.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_MACRO_REGISTERS_H
#define EBNN_MACRO_REGISTERS_H

#include "ebnn.h"
#include "ebnn_target.h"

static inline void ebnn_macro_write(uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)((uintptr_t)EBNN_MACRO_BASE + offset) = value;
}

static inline uint32_t ebnn_macro_read(uint32_t offset)
{
    return *(volatile const uint32_t *)((uintptr_t)EBNN_MACRO_BASE + offset);
}

/* Two numbers of 16 bits in one register. */
static inline uint32_t ebnn_macro_halves(uint32_t low, uint32_t high)
{
    return low | (high << 16);
}

/* Lets the macro's interrupt, the core's external one, end a sleep. */
void ebnn_macro_enable_interrupt(void);

/* Starts a command and sleeps until it is done: EBNN_OK, or EBNN_ERROR_DEVICE where the macro refuses it. */
int32_t ebnn_macro_command(uint32_t command);

#endif
