/*
 * ebnn_macro_rows.c: the rows of layers in their banks, word by word: programmed, and read back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_macro_rows.h"

#include <stddef.h>

#include "ebnn_macro.h"
#include "ebnn_macro_registers.h"

void ebnn_macro_set_kind(uint32_t policy, uint32_t ternary)
{
    ebnn_macro_enable_interrupt();
    ebnn_macro_write(EBNN_MACRO_PROGRAM_POLICY, policy);
    ebnn_macro_write(EBNN_MACRO_PROGRAM_TERNARY, ternary);
}

static void choose_word(const ebnn_row_word *word)
{
    ebnn_macro_write(EBNN_MACRO_PROGRAM_BANK, word->bank);
    ebnn_macro_write(EBNN_MACRO_PROGRAM_ROW, ebnn_macro_halves(word->row, word->word));
}

int32_t ebnn_macro_program_word(const ebnn_row_word *word)
{
    choose_word(word);
    ebnn_macro_write(EBNN_MACRO_PROGRAM_SIGN, word->sign);
    ebnn_macro_write(EBNN_MACRO_PROGRAM_NONZERO, word->nonzero);
    return ebnn_macro_command(EBNN_MACRO_COMMAND_PROGRAM);
}

#ifdef EBNN_MACRO_COMMAND_READ
int32_t ebnn_macro_read_word(const ebnn_row_word *held, uint32_t *sign, uint32_t *nonzero)
{
    choose_word(held);
    if (ebnn_macro_command(EBNN_MACRO_COMMAND_READ) != EBNN_OK) {
        return EBNN_ERROR_DEVICE;
    }
    *sign = ebnn_macro_read(EBNN_MACRO_READ_SIGN);
    *nonzero = ebnn_macro_read(EBNN_MACRO_READ_NONZERO);
    return EBNN_OK;
}

int32_t ebnn_macro_compare_word(const ebnn_row_word *word, uint32_t columns)
{
    uint32_t sign, nonzero, unlike;
    int32_t count = 0;

    if (ebnn_macro_read_word(word, &sign, &nonzero) != EBNN_OK) {
        return EBNN_ERROR_DEVICE;
    }
    unlike = ebnn_unlike(word, sign, nonzero) & columns;
    for (; unlike != 0; unlike &= unlike - 1) {
        count++;
    }
    return count;
}
#endif

/* How a layer is programmed: the arguments of `ebnn_macro_program`. */
typedef struct programming {
    uint32_t policy;
    uint32_t attempts;
    const uint32_t *verified;
    uint32_t row_words;
} programming;

int32_t ebnn_macro_walk(const ebnn_linear_layer *layer, ebnn_word_work *work, const void *user)
{
    const ebnn_window *window = &layer->window;
    const uint32_t fan_in =
        (uint32_t)window->kernel_height * window->kernel_width * (layer->input.channels / layer->groups);
    const uint32_t neurons = layer->output.channels;
    const uint16_t *banks = layer->banks;
    int32_t total = 0;

    if (banks == NULL) {
        return EBNN_ERROR_BANKS;
    }
    for (uint32_t first = 0; first < neurons; first += EBNN_ARRAY_ROWS) {
        const uint32_t rows = neurons - first < EBNN_ARRAY_ROWS ? neurons - first : EBNN_ARRAY_ROWS;

        for (uint32_t word = 0; word < layer->row_words; word++) {
            const uint32_t in_bank = word % EBNN_ARRAY_ROW_WORDS;
            const uint32_t inputs = fan_in - 32 * word;
            const uint32_t columns = inputs < 32 ? ~(EBNN_ALL_COLUMNS << inputs) : EBNN_ALL_COLUMNS;

            banks += word != 0 && in_bank == 0 ? 1 : 0;
            for (uint32_t row = 0; row < rows; row++) {
                const size_t index = (size_t)(first + row) * layer->row_words + word;
                const ebnn_row_word held = {*banks, row, in_bank, layer->sign[index],
                                            layer->nonzero != NULL ? layer->nonzero[index] : EBNN_ALL_COLUMNS};
                const int32_t found = work(&held, columns, first + row, word, user);

                if (found < 0) {
                    return found;
                }
                total += found;
            }
        }
        banks++;
    }
    return total;
}

static int32_t program(const ebnn_row_word *word, uint32_t columns, uint32_t neuron, uint32_t place, const void *user)
{
    const programming *how = user;

    (void)columns; /* those behind the last input are programmed too */
    if (how->verified != NULL) {
        const size_t index = (size_t)neuron * how->row_words + place;
        const uint32_t is_verified = (how->verified[index / 32] >> (index % 32)) & 1;

        ebnn_macro_write(EBNN_MACRO_PROGRAM_POLICY,
                         ebnn_macro_halves(how->policy, is_verified != 0 ? how->attempts : 1));
    }
    return ebnn_macro_program_word(word);
}

int32_t ebnn_macro_program(const ebnn_linear_layer *layer, uint32_t policy, uint32_t attempts, const uint32_t *verified)
{
    const programming how = {policy, attempts, verified, layer->row_words};

    ebnn_macro_set_kind(ebnn_macro_halves(policy, attempts), layer->nonzero != NULL ? 1 : 0);
    return ebnn_macro_walk(layer, program, &how);
}

#ifdef EBNN_MACRO_COMMAND_READ
static int32_t compare(const ebnn_row_word *word, uint32_t columns, uint32_t neuron, uint32_t place, const void *user)
{
    (void)neuron;
    (void)place;
    (void)user;
    return ebnn_macro_compare_word(word, columns);
}

int32_t ebnn_macro_verify(const ebnn_linear_layer *layer)
{
    ebnn_macro_enable_interrupt();
    return ebnn_macro_walk(layer, compare, NULL);
}
#endif
