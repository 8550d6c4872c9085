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
static bool is_expected(const ebnn_macro_model *macro, size_t index, uint8_t state)
{
    const size_t drawn = (size_t)macro->sensing->stripes * macro->rows;

    return index < drawn && macro->expected_state[index] == state &&
           macro->expected_sign[index] == macro->registers[EBNN_ROLE_PROGRAM_SIGN] &&
           macro->expected_nonzero[index] == macro->registers[EBNN_ROLE_PROGRAM_NONZERO];
}

static const char *program_word(ebnn_macro_model *macro)
{
    const uint32_t *registers = macro->registers;
    const uint32_t bank = registers[EBNN_ROLE_PROGRAM_BANK];
    const uint32_t row = registers[EBNN_ROLE_PROGRAM_ROW] & 0xFFFF;
    const uint32_t word = registers[EBNN_ROLE_PROGRAM_ROW] >> 16;
    const uint32_t nonzero = registers[EBNN_ROLE_PROGRAM_NONZERO];
    const bool ternary = registers[EBNN_ROLE_PROGRAM_TERNARY] != 0;
    const uint32_t policy = registers[EBNN_ROLE_PROGRAM_POLICY] & 0xFFFF;
    const uint32_t attempts = registers[EBNN_ROLE_PROGRAM_POLICY] >> 16;
    const uint8_t state = ternary ? EBNN_ROW_TERNARY : EBNN_ROW_BINARY;
    const uint32_t signed_columns = ebnn_emulated_popcount(nonzero);
    const size_t index = ((size_t)bank * macro->bank_words + word) * macro->rows + row;

    if (bank >= macro->banks || row >= macro->rows || word >= macro->bank_words) {
        return "a row was programmed that the array does not have";
    }
    if (policy >= macro->policies) {
        return "a row was programmed under a policy that the target does not have";
    }
    if (!ternary && nonzero != UINT32_MAX) {
        return "a zero was programmed into a binary row";
    }
    if (macro->sensing != NULL && !is_expected(macro, index, state)) {
        return "a row was programmed with other weights than those for which the chip's errors were drawn";
    }
    if (macro->sensing != NULL && macro->expected_policy[index] != policy) {
        return "a row was programmed under another policy than its layer's";
    }
    if (macro->sensing != NULL && macro->expected_attempts[index] != attempts) {
        return "a row was programmed with another limit of attempts than the chip's errors were drawn for";
    }
    macro->sign[index] = registers[EBNN_ROLE_PROGRAM_SIGN];
    macro->nonzero[index] = nonzero;
    macro->state[index] = state;
    macro->events->set_pulses += signed_columns;
    macro->events->reset_pulses += signed_columns + 2 * (32 - signed_columns);
    return NULL;
}

static void start_command(ebnn_macro_model *macro, uint32_t command)
{
    const char *complaint = "control was given a command that the macro does not know";

    if (command == macro->command_program) {
        complaint = program_word(macro);
    } else if (command == macro->command_run) {
        complaint = ebnn_macro_run(macro);
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
