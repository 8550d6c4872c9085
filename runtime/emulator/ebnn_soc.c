/*
 * ebnn_soc.c: the callbacks of the emulated system on chip.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_soc.h"

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
    }
}

static bool is_refused(const ebnn_soc *soc, uint64_t address)
{
    const uint64_t halfword = (address - soc->refused_base) / 2; /* far beyond the last one for what lies in front */

    return halfword < soc->refused_halfwords && ((soc->refused[halfword / 32] >> (halfword % 32)) & 1) != 0;
}

void ebnn_soc_on_instruction(ebnn_engine *engine, uint64_t address, uint32_t bytes, void *user)
{
    ebnn_soc *soc = user;

    if (is_refused(soc, address)) {
        want_stop(soc, EBNN_STOPPED_PREDICATED);
    }
    if (soc->events.instructions >= soc->instruction_limit) {
        want_stop(soc, EBNN_STOPPED_LIMIT);
    }
    if (soc->stopped != EBNN_RUNNING) {
        (void)soc->stop(engine); /* this instruction is not executed, and comes again when the CPU is resumed */
        return;
    }
    soc->events.instructions++;
    soc->events.code_bytes += bytes;
}

void ebnn_soc_on_sram_access(ebnn_engine *engine, int type, uint64_t address, int bytes, int64_t value, void *user)
{
    ebnn_soc *soc = user;

    (void)engine;
    (void)type;
    (void)address;
    (void)value;
    soc->events.sram_accesses += bytes > 4 ? 2 : 1;
}

void ebnn_soc_on_flash_read(ebnn_engine *engine, int type, uint64_t address, int bytes, int64_t value, void *user)
{
    ebnn_soc *soc = user;

    (void)engine;
    (void)type;
    (void)address;
    (void)value;
    soc->events.flash_reads += bytes > 4 ? 2 : 1;
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

uint64_t ebnn_soc_macro_read(ebnn_engine *engine, uint64_t offset, unsigned bytes, void *user)
{
    ebnn_soc *soc = user;

    (void)engine;
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
    if (bytes != 4) {
        want_stop(soc, EBNN_STOPPED_REGISTER);
    } else if (soc->stopped == EBNN_RUNNING) {
        ebnn_macro_model_write(&soc->macro, offset, (uint32_t)value);
    }
}

uint64_t ebnn_soc_mailbox_read(ebnn_engine *engine, uint64_t offset, unsigned bytes, void *user)
{
    (void)engine;
    (void)offset;
    (void)bytes;
    (void)user;
    return 0; /* all its registers are for writing */
}

void ebnn_soc_mailbox_write(ebnn_engine *engine, uint64_t offset, unsigned bytes, uint64_t value, void *user)
{
    ebnn_soc *soc = user;

    (void)engine;
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
    default:
        want_stop(soc, EBNN_STOPPED_REGISTER);
        break;
    }
}
