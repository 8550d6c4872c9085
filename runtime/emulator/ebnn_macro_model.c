/*
 * ebnn_macro_model.c: the macro's registers and the programming of its banks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_macro_model.h"

#include <stddef.h>

#include "ebnn_emulated_bits.h"

static const char *const role_names[] = {
#define X(role, name) name,
    EBNN_MACRO_ROLES(X)
#undef X
};

const char *ebnn_macro_role_name(uint32_t role)
{
    return role < EBNN_ROLES ? role_names[role] : NULL;
}

/* Whether a chip's errors were drawn for this very word: what is read depends on what was meant. */
static bool is_expected(const ebnn_macro_model *macro, size_t index, uint8_t state, uint32_t sign, uint32_t nonzero)
{
    const size_t drawn = (size_t)macro->sensing->stripes * macro->rows;

    return index < drawn && macro->expected_state[index] == state && macro->expected_sign[index] == sign &&
           macro->expected_nonzero[index] == nonzero;
}

static bool is_markers(const ebnn_macro_model *macro, size_t index)
{
    return index / macro->rows >= macro->marker_stripe;
}

/* Where the word is that the registers of `program` and `read` name; false where the array has none there. */
static bool find_word(const ebnn_macro_model *macro, size_t *index)
{
    const uint32_t bank = macro->registers[EBNN_ROLE_PROGRAM_BANK];
    const uint32_t row = macro->registers[EBNN_ROLE_PROGRAM_ROW] & 0xFFFF;
    const uint32_t word = macro->registers[EBNN_ROLE_PROGRAM_ROW] >> 16;

    *index = ((size_t)bank * macro->bank_words + word) * macro->rows + row;
    return bank < macro->banks && row < macro->rows && word < macro->bank_words;
}

static const char *program_word(ebnn_macro_model *macro)
{
    const uint32_t *registers = macro->registers;
    const uint32_t sign = registers[EBNN_ROLE_PROGRAM_SIGN];
    const uint32_t nonzero = registers[EBNN_ROLE_PROGRAM_NONZERO];
    const bool ternary = registers[EBNN_ROLE_PROGRAM_TERNARY] != 0;
    const uint32_t policy = registers[EBNN_ROLE_PROGRAM_POLICY] & 0xFFFF;
    const uint32_t attempts = registers[EBNN_ROLE_PROGRAM_POLICY] >> 16;
    const uint8_t state = ternary ? EBNN_ROW_TERNARY : EBNN_ROW_BINARY;
    const uint32_t signed_columns = ebnn_emulated_popcount(nonzero);
    size_t index;

    if (!find_word(macro, &index)) {
        return "a row was programmed that the array does not have";
    }
    if (policy >= macro->policies) {
        return "a row was programmed under a policy that the target does not have";
    }
    if (!ternary && nonzero != UINT32_MAX) {
        return "a zero was programmed into a binary row";
    }
    if (is_markers(macro, index)) {
        if (ternary) {
            return "ternary weights were programmed into a row of the marker";
        }
    } else if (macro->sensing != NULL) {
        if (!is_expected(macro, index, state, sign, nonzero)) {
            return "a row was programmed with other weights than those for which the chip's errors were drawn";
        }
        if (macro->expected_policy[index] != policy) {
            return "a row was programmed under another policy than its layer's";
        }
        if (macro->expected_attempts[index] != attempts) {
            return "a row was programmed with another limit of attempts than the chip's errors were drawn for";
        }
    }
    macro->sign[index] = sign;
    macro->nonzero[index] = nonzero;
    macro->state[index] = state;
    macro->events->set_pulses += signed_columns;
    macro->events->reset_pulses += signed_columns + 2 * (32 - signed_columns);
    return NULL;
}

/* A word of the marker: whatever it holds, its cells err as they do with the marker in them. */
static void sense_marker(ebnn_macro_model *macro, size_t index, uint32_t *sign, uint32_t *nonzero)
{
    const size_t first = (size_t)macro->marker_stripe * macro->rows;
    const uint32_t stripe = (uint32_t)((index - first) / macro->rows);

    ebnn_sense_row(macro->marker_sensing, stripe, (uint32_t)(index % macro->rows), macro->inference, macro->reads,
                   UINT32_MAX, sign, nonzero);
    *sign ^= macro->marker_sign[index - first] ^ macro->sign[index];
}

static const char *read_word(ebnn_macro_model *macro)
{
    uint32_t sign, nonzero;
    size_t index;

    if (!find_word(macro, &index)) {
        return "a row was read that the array does not have";
    }
    sign = macro->sign[index];
    nonzero = macro->nonzero[index];
    if (macro->state[index] != EBNN_ROW_EMPTY && is_markers(macro, index)) {
        if (macro->marker_sensing != NULL) {
            sense_marker(macro, index, &sign, &nonzero);
        }
    } else if (macro->state[index] != EBNN_ROW_EMPTY && macro->sensing != NULL) {
        if (!is_expected(macro, index, macro->state[index], sign, nonzero)) {
            return "a row was read that holds other weights than those for which the chip's errors were drawn";
        }
        ebnn_sense_row(macro->sensing, (uint32_t)(index / macro->rows), (uint32_t)(index % macro->rows),
                       macro->inference, macro->reads, UINT32_MAX, &sign, &nonzero);
    }
    macro->registers[EBNN_ROLE_READ_SIGN] = sign;
    macro->registers[EBNN_ROLE_READ_NONZERO] = nonzero;
    macro->reads++;
    macro->events->pcsa_reads += 32;
    macro->events->array_cycles += macro->cycles_per_read;
    return NULL;
}

static void start_command(ebnn_macro_model *macro, uint32_t command)
{
    const char *complaint = "control was given a command that the macro does not know";

    if (command == macro->command_program) {
        complaint = program_word(macro);
    } else if (command == macro->command_run) {
        complaint = ebnn_macro_run(macro);
    } else if (command == macro->command_read && command != 0) {
        complaint = read_word(macro);
    }
    macro->registers[EBNN_ROLE_STATUS] = macro->status_done;
    if (complaint != NULL) {
        macro->registers[EBNN_ROLE_STATUS] |= macro->status_error;
        macro->complaint = complaint;
    }
}

/* The role at a byte offset; complains where there is no register. */
static int32_t role_at(ebnn_macro_model *macro, uint64_t offset)
{
    const int32_t role = offset % 4 == 0 && offset / 4 < EBNN_MACRO_PAGE_WORDS ? macro->roles[offset / 4] : -1;

    if (role < 0 || role >= EBNN_ROLES) {
        macro->registers[EBNN_ROLE_STATUS] |= macro->status_error;
        macro->complaint = "an offset was accessed at which the macro has no register";
        return -1;
    }
    return role;
}

uint32_t ebnn_macro_model_read(ebnn_macro_model *macro, uint64_t offset)
{
    const int32_t role = role_at(macro, offset);

    return role < 0 ? 0 : macro->registers[role];
}

void ebnn_macro_model_write(ebnn_macro_model *macro, uint64_t offset, uint32_t value)
{
    const int32_t role = role_at(macro, offset);

    if (role == EBNN_ROLE_CONTROL) {
        start_command(macro, value);
    } else if (role == EBNN_ROLE_STATUS) {
        macro->registers[role] = 0;
    } else if (role >= 0) {
        macro->registers[role] = value;
    }
}
