/*
 * ebnn_soc.c: the callbacks of the emulated system on chip.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "ebnn_accesses.h"

uint32_t ebnn_soc_bytes(void)
{
    return (uint32_t)sizeof(ebnn_soc);
}

/*
 * A register's callback only remembers that it wants a stop. The CPU is stopped in front of the next instruction: unicorn
 * would otherwise stop it within the storing one, and resuming would execute that one again.
 */
static void want_stop(ebnn_soc *soc, uint32_t why)
{
    if (soc->stopped == EBNN_RUNNING) {
        soc->stopped = why;
        soc->instruction_limit = 0;
    }
}

/* Whether an instruction is of the IT block that was entered last: unicorn runs a block to its end in any case. */
static bool within_block(const ebnn_soc *soc, uint64_t address)
{
    return address > soc->it_begin && address < soc->it_end && soc->events.instructions < soc->it_until;
}

void ebnn_soc_on_instruction(ebnn_engine *engine, uint64_t address, uint32_t bytes, void *user)
{
    ebnn_soc *soc = user;
    const uint64_t offset = address - soc->flash.base;
    uint8_t brief;

    if (soc->events.instructions >= soc->instruction_limit && !within_block(soc, address)) {
        want_stop(soc, EBNN_STOPPED_LIMIT);
        (void)soc->stop(engine); /* this instruction is not executed, and comes again when the CPU is resumed */
        return;
    }
    soc->events.instructions++;
    soc->events.code_bytes += bytes;
    if (offset >= soc->flash.size) {
        return; /* no code can run there */
    }
    brief = soc->briefs[offset / 2];
    if (brief == EBNN_BRIEF_PLAIN) {
        return;
    }
    if (brief >= EBNN_BRIEF_FLASH) {
        soc->events.flash_reads += brief - EBNN_BRIEF_FLASH;
    } else if (brief >= EBNN_BRIEF_SRAM) {
        soc->events.sram_accesses += brief - EBNN_BRIEF_SRAM;
    } else {
        ebnn_soc_count_accesses(soc, engine, offset);
    }
}

bool ebnn_soc_on_unmapped(ebnn_engine *engine, int type, uint64_t address, int bytes, int64_t value, void *user)
{
    ebnn_soc *soc = user;

    (void)engine;
    (void)type;
    (void)bytes;
    (void)value;
    soc->stopped = EBNN_STOPPED_UNMAPPED;
    soc->fault_address = address;
    return false;
}

bool ebnn_soc_on_page(ebnn_engine *engine, uint64_t address, int type, ebnn_page *page, void *user)
{
    enum { READ = 1, WRITE = 2, EXECUTE = 4, OF_A_FETCH = 18, WITHIN_THUMB = 1 << 24 };
    const ebnn_soc *soc = user;
    const bool holds_code = (uint32_t)address - soc->sram.base >= soc->sram.size;

    /* What the memories forbid is refused behind this, by name; so a fetch from SRAM has its way here. */
    page->address = address;
    page->rights = READ | WRITE | (holds_code || type == OF_A_FETCH ? EXECUTE : 0);
    if (soc->it_state >= 0 && type != OF_A_FETCH) {
        /*
         * In front of this call unicorn 2.1 restores the state of the instruction at hand, the condition of an IT block
         * with it, which would govern whatever runs behind the block. While a block of code runs that state is empty.
         */
        const uint32_t state = WITHIN_THUMB;

        (void)soc->write_register(engine, soc->it_state, &state);
    }
    return true;
}

uint64_t ebnn_soc_macro_read(ebnn_engine *engine, uint64_t offset, unsigned bytes, void *user)
{
    ebnn_soc *soc = user;

    (void)engine;
    soc->events.sram_accesses--;
    if (bytes != 4) {
        want_stop(soc, EBNN_STOPPED_REGISTER);
        return 0;
    }
    return ebnn_macro_model_read(&soc->macro, offset);
}

void ebnn_soc_macro_write(ebnn_engine *engine, uint64_t offset, unsigned bytes, uint64_t value, void *user)
{
    ebnn_soc *soc = user;

    (void)engine;
    soc->events.sram_accesses--;
    if (bytes != 4) {
        want_stop(soc, EBNN_STOPPED_REGISTER);
    } else {
        ebnn_macro_model_write(&soc->macro, offset, (uint32_t)value);
    }
}

uint64_t ebnn_soc_mailbox_read(ebnn_engine *engine, uint64_t offset, unsigned bytes, void *user)
{
    ebnn_soc *soc = user;

    (void)engine;
    (void)bytes;
    soc->events.sram_accesses--;
    return offset == EBNN_MAILBOX_VERIFY ? soc->verify : 0; /* the others are for writing */
}

/* As a product's own code does that keeps it in flash; firmware that names another memory gets nothing. */
static void put_kept_trim(ebnn_soc *soc)
{
    const uint32_t offset = soc->trim_address - soc->sram.base;

    if (soc->kept_bytes <= soc->sram.size && offset <= soc->sram.size - soc->kept_bytes && soc->kept_bytes != 0) {
        memcpy(soc->sram.bytes + offset, soc->kept, soc->kept_bytes);
    }
}

void ebnn_soc_mailbox_write(ebnn_engine *engine, uint64_t offset, unsigned bytes, uint64_t value, void *user)
{
    ebnn_soc *soc = user;

    (void)engine;
    soc->events.sram_accesses--;
    if (bytes != 4) {
        want_stop(soc, EBNN_STOPPED_REGISTER);
        return;
    }
    switch (offset) {
    case EBNN_MAILBOX_INPUT:
        soc->input_address = (uint32_t)value;
        break;
    case EBNN_MAILBOX_SCORES:
        soc->scores_address = (uint32_t)value;
        break;
    case EBNN_MAILBOX_READY:
        want_stop(soc, EBNN_STOPPED_READY);
        break;
    case EBNN_MAILBOX_DONE:
        soc->status = (int32_t)(uint32_t)value;
        want_stop(soc, EBNN_STOPPED_DONE);
        break;
    case EBNN_MAILBOX_FAILED:
        soc->status = (int32_t)(uint32_t)value;
        want_stop(soc, EBNN_STOPPED_FAILED);
        break;
    case EBNN_MAILBOX_VERIFIED:
        soc->verified = (int32_t)(uint32_t)value;
        break;
    case EBNN_MAILBOX_TRIM:
        soc->trim_address = (uint32_t)value;
        put_kept_trim(soc);
        break;
    default:
        want_stop(soc, EBNN_STOPPED_REGISTER);
        break;
    }
}
