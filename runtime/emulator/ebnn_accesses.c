/*
 * ebnn_accesses.c: decodes instructions that run for the first time, and finds out which memory a load reads.
 *
 * It stands in a file of its own so that the callback in front of each instruction stays without a stack frame.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_accesses.h"

static bool is_flash(const ebnn_soc *soc, uint32_t address)
{
    return address - soc->flash.base < soc->flash.size;
}

static uint8_t brief(const ebnn_soc *soc, const ebnn_instruction *instruction)
{
    const bool fixed = instruction->base == EBNN_NO_REGISTER && instruction->index == EBNN_NO_REGISTER;
    const uint32_t most = EBNN_BRIEF_FLASH - EBNN_BRIEF_SRAM - 1;

    if (instruction->kind == EBNN_PLAIN) {
        return EBNN_BRIEF_PLAIN;
    }
    if (instruction->words > most || (instruction->kind != EBNN_STORE && !fixed) ||
        instruction->kind == EBNN_IT_BLOCK) {
        return EBNN_BRIEF_ASK;
    }
    if (instruction->kind == EBNN_LOAD && is_flash(soc, instruction->offset)) {
        return (uint8_t)(EBNN_BRIEF_FLASH + instruction->words);
    }
    return (uint8_t)(EBNN_BRIEF_SRAM + instruction->words);
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

void ebnn_soc_count_accesses(ebnn_soc *soc, ebnn_engine *engine, uint64_t offset)
{
    ebnn_instruction *instruction = &soc->instructions[offset / 2];
    const uint32_t address = soc->flash.base + (uint32_t)offset;

    if (instruction->kind == EBNN_UNDECODED) {
        *instruction = soc->decode(soc->flash.bytes + offset, soc->flash.size - offset, address);
        soc->briefs[offset / 2] = brief(soc, instruction);
    }
    if (instruction->kind == EBNN_IT_BLOCK) {
        soc->it_begin = address;
        soc->it_end = instruction->offset;
        soc->it_until = soc->events.instructions + 4; /* the longest has four instructions */
    } else if (instruction->kind == EBNN_LOAD && is_flash(soc, accessed(soc, engine, instruction))) {
        soc->events.flash_reads += instruction->words;
    } else {
        soc->events.sram_accesses += instruction->words; /* none of a plain instruction */
    }
}
