/*
 * ebnn_soc.h: what surrounds the emulated CPU: counting, the macro's and the mailbox's registers.
 *
 * The callbacks have the signatures of unicorn's C API, but nothing here includes or links unicorn: Python registers
 * the callbacks with it and hands over its functions. An `ebnn_soc` is the callbacks' user data.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_SOC_H
#define EBNN_SOC_H

#include <stdbool.h>
#include <stdint.h>

#include "ebnn_events.h"
#include "ebnn_instruction.h"
#include "ebnn_macro_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* unicorn's engine, which only unicorn looks into. */
typedef struct uc_struct ebnn_engine;

/* uc_tlb_entry: where a page lies, and what it is good for. */
typedef struct ebnn_page {
    uint64_t address;
    uint32_t rights;
} ebnn_page;

/* The mailbox: byte offsets of the registers with which the firmware talks to the emulator. */
enum {
    EBNN_MAILBOX_READY = 0x00,    /* 1: programmed, waiting for an input; the emulator stops */
    EBNN_MAILBOX_INPUT = 0x04,    /* address of the input, written before ready */
    EBNN_MAILBOX_SCORES = 0x08,   /* address of the scores, written before ready */
    EBNN_MAILBOX_DONE = 0x0c,     /* the status of an inference; the emulator stops */
    EBNN_MAILBOX_FAILED = 0x10,   /* the status of a failed programming; the emulator stops */
    EBNN_MAILBOX_VERIFY = 0x14,   /* read: 1 where the firmware is asked to read its weights back before it is ready */
    EBNN_MAILBOX_VERIFIED = 0x18, /* how many of them were wrong, or a negative status */
    EBNN_MAILBOX_TRIM =
        0x1c /* address of what a chip trims itself by; what was kept of a boot before is copied there */
};

/* Why the emulator was stopped. */
enum {
    EBNN_RUNNING = 0,
    EBNN_STOPPED_READY = 1,
    EBNN_STOPPED_DONE = 2,
    EBNN_STOPPED_FAILED = 3,
    EBNN_STOPPED_LIMIT = 4,    /* the instruction limit is reached */
    EBNN_STOPPED_UNMAPPED = 5, /* an access to `fault_address`, where there is nothing */
    EBNN_STOPPED_REGISTER = 6  /* an access of another width than 32 bits to a register */
};

typedef struct ebnn_soc {
    int32_t (*stop)(ebnn_engine *engine);                                            /* uc_emu_stop */
    int32_t (*read_register)(ebnn_engine *engine, int number, void *content);        /* uc_reg_read */
    int32_t (*write_register)(ebnn_engine *engine, int number, const void *content); /* uc_reg_write */
    ebnn_decoder *decode;                                                            /* of this CPU's instructions */
    uint64_t instruction_limit; /* all instructions together since the counters' start; 0 once a stop is wanted */
    uint64_t fault_address;
    ebnn_memory flash; /* the one memory whose content can run */
    ebnn_memory sram;
    ebnn_instruction *instructions; /* one for each halfword of flash, decoded when it runs for the first time */
    uint8_t *briefs;                /* and what to count of it: a cache holds a firmware's, all of `instructions` not */
    uint64_t it_until;              /* no instruction of the last IT block runs behind this count */
    uint32_t it_begin;              /* that IT instruction, and what lies behind its block */
    uint32_t it_end;
    int32_t registers[32]; /* how unicorn numbers the CPU's */
    int32_t it_state;      /* and the register with the state of an IT block, -1 where the CPU has none */
    uint32_t stopped;      /* cleared by whoever resumes */
    uint32_t input_address;
    uint32_t scores_address;
    int32_t status;  /* of the inference or of the failed programming */
    uint32_t verify; /* what the firmware is asked, and what it answers */
    int32_t verified;
    uint32_t trim_address; /* what lies there once the firmware is ready is kept by whoever boots the chip */
    uint32_t kept_bytes;
    const uint8_t *kept;
    ebnn_events events;
    ebnn_macro_model macro; /* its events are the ones above */
} ebnn_soc;

/* sizeof(ebnn_soc): Python checks that its mirror of the struct has the same size. */
uint32_t ebnn_soc_bytes(void);

/*
 * UC_HOOK_CODE: counts the instruction and what it reads and writes. An IT block's skipped instructions do not get here,
 * so all counts are those of executed instructions. What turns out to be a register's is taken off SRAM's again.
 */
void ebnn_soc_on_instruction(ebnn_engine *engine, uint64_t address, uint32_t bytes, void *soc);

/* UC_HOOK_MEM_INVALID: remembers the address; the answer false ends the emulation. */
bool ebnn_soc_on_unmapped(ebnn_engine *engine, int type, uint64_t address, int bytes, int64_t value, void *soc);

/*
 * UC_HOOK_TLB_FILL: a page lies at its own address, and SRAM holds no code. Where it might, as by the map of a Cortex-M,
 * unicorn makes every store by way of a function that looks for changed code; half of the time went there.
 */
bool ebnn_soc_on_page(ebnn_engine *engine, uint64_t address, int type, ebnn_page *page, void *soc);

/* uc_mmio_map callbacks of the macro's page and of the mailbox's. */
uint64_t ebnn_soc_macro_read(ebnn_engine *engine, uint64_t offset, unsigned bytes, void *soc);
void ebnn_soc_macro_write(ebnn_engine *engine, uint64_t offset, unsigned bytes, uint64_t value, void *soc);
uint64_t ebnn_soc_mailbox_read(ebnn_engine *engine, uint64_t offset, unsigned bytes, void *soc);
void ebnn_soc_mailbox_write(ebnn_engine *engine, uint64_t offset, unsigned bytes, uint64_t value, void *soc);

#ifdef __cplusplus
}
#endif

#endif
