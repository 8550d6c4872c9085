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

static uint32_t content(const ebnn_soc *soc, ebnn_engine *engine, uint8_t number)
{
    uint64_t value = 0;

    (void)soc->read_register(engine, soc->registers[number], &value);
    return (uint32_t)value;
}

static uint32_t accessed(const ebnn_soc *soc, ebnn_engine *engine, const ebnn_instruction *instruction)
{
    uint32_t address = instruction->offset;

    if (instruction->base != EBNN_NO_REGISTER) {
        address += content(soc, engine, instruction->base);
    }
    if (instruction->index != EBNN_NO_REGISTER) {
        address += content(soc, engine, instruction->index) << instruction->shift;
    }
    return address;
}

static const ebnn_instruction *decoded(const ebnn_soc *soc, uint64_t address)
{
    const uint64_t offset = address - soc->flash.base;
    ebnn_instruction *instruction = &soc->instructions[offset / 2];

    if (instruction->kind == EBNN_UNDECODED) {
        *instruction = soc->decode(soc->flash.bytes + offset, soc->flash.size - offset, (uint32_t)address);
    }
    return instruction;
}

static void count(ebnn_soc *soc, ebnn_engine *engine, const ebnn_instruction *instruction)
{
    if (instruction->kind == EBNN_LOAD && accessed(soc, engine, instruction) - soc->flash.base < soc->flash.size) {
        soc->events.flash_reads += instruction->words;
    } else {
        soc->events.sram_accesses += instruction->words;
    }
}

void ebnn_soc_on_instruction(ebnn_engine *engine, uint64_t address, uint32_t bytes, void *user)
{
    ebnn_soc *soc = user;
    const bool within_block = address > soc->it_begin && address < soc->it_end;
    const ebnn_instruction *instruction;

    if (!within_block) { /* unicorn runs an IT block to its end in any case */
        if (soc->events.instructions >= soc->instruction_limit) {
            want_stop(soc, EBNN_STOPPED_LIMIT);
        }
        if (soc->stopped != EBNN_RUNNING) {
            (void)soc->stop(engine); /* this instruction is not executed, and comes again when the CPU is resumed */
            return;
        }
    }
    soc->events.instructions++;
    soc->events.code_bytes += bytes;
    if (within_block) {
        soc->it_begin = (uint32_t)address; /* a jump back is no part of the block */
    }
    if (address - soc->flash.base >= soc->flash.size) {
        return; /* no code can run there */
    }
    instruction = decoded(soc, address);
    if (instruction->kind == EBNN_IT_BLOCK) {
        soc->it_begin = (uint32_t)address;
        soc->it_end = instruction->offset;
    } else if (instruction->kind != EBNN_PLAIN) {
        count(soc, engine, instruction);
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
    (void)offset;
    (void)bytes;
    soc->events.sram_accesses--;
    return 0; /* all its registers are for writing */
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
    default:
        want_stop(soc, EBNN_STOPPED_REGISTER);
        break;
    }
}
