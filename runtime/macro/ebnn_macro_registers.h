/*
 * ebnn_macro_registers.h: access to the macro's registers, and the wait for a command; for the files of this folder. All
 * of it is inline: a call from file to file would make each layer save registers.
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
static inline void ebnn_macro_enable_interrupt(void)
{
#if defined(__riscv)
    /* csrs mie, %0: by numbers, since assemblers differ in the extension that they want named for it */
    __asm__ volatile(".insn i 0x73, 2, x0, %0, 0x304" ::"r"(UINT32_C(1) << 11));
#endif
}

static inline void ebnn_macro_sleep(void)
{
#if defined(__riscv)
    /* An interrupt that is pending already ends the sleep at once, so none is missed between start and sleep. */
    __asm__ volatile("wfi" ::: "memory");
#endif
}

/* Starts a command and sleeps until it is done: EBNN_OK, or EBNN_ERROR_DEVICE where the macro refuses it. */
static inline int32_t ebnn_macro_command(uint32_t command)
{
    uint32_t status;

    ebnn_macro_write(EBNN_MACRO_CONTROL, command);
    do {
        ebnn_macro_sleep();
        status = ebnn_macro_read(EBNN_MACRO_STATUS);
    } while ((status & (EBNN_MACRO_STATUS_DONE | EBNN_MACRO_STATUS_ERROR)) == 0);
    ebnn_macro_write(EBNN_MACRO_STATUS, 0); /* takes the interrupt back */
    return (status & EBNN_MACRO_STATUS_ERROR) == 0 ? EBNN_OK : EBNN_ERROR_DEVICE;
}

#endif
