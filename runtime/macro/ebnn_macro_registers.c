/*
 * ebnn_macro_registers.c: a command of the macro, and the sleep until it is done.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_macro_registers.h"

void ebnn_macro_enable_interrupt(void)
{
#if defined(__riscv)
    /* csrs mie, %0: by numbers, since assemblers differ in the extension that they want named for it */
    __asm__ volatile(".insn i 0x73, 2, x0, %0, 0x304" ::"r"(UINT32_C(1) << 11));
#endif
}

static void sleep_until_interrupt(void)
{
#if defined(__riscv)
    /* An interrupt that is pending already ends the sleep at once, so none is missed between start and sleep. */
    __asm__ volatile("wfi" ::: "memory");
#endif
}

int32_t ebnn_macro_command(uint32_t command)
{
    uint32_t status;

    ebnn_macro_write(EBNN_MACRO_CONTROL, command);
    do {
        sleep_until_interrupt();
        status = ebnn_macro_read(EBNN_MACRO_STATUS);
    } while ((status & (EBNN_MACRO_STATUS_DONE | EBNN_MACRO_STATUS_ERROR)) == 0);
    ebnn_macro_write(EBNN_MACRO_STATUS, 0); /* takes the interrupt back */
    return (status & EBNN_MACRO_STATUS_ERROR) == 0 ? EBNN_OK : EBNN_ERROR_DEVICE;
}
