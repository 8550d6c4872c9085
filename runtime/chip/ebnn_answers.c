/*
 * ebnn_answers.c: see ebnn_answers.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_answers.h"

#include <stddef.h>
#include <string.h>

#include "ebnn_sense.h"
#include "ebnn_slices.h"
#include "ebnn_turns_kernel.h"

#define WHOLE (UINT64_C(1) << 32)

/* What a row answers with one input, and of which columns that is not certain. */
typedef struct answered {
    uint32_t sign;
    uint32_t nonzero;
    uint32_t uncertain;
} answered;

uint32_t ebnn_answers_bytes(void)
{
    return (uint32_t)sizeof(ebnn_answers);
}

/* The most likely of the three answers; where two are alike, -1 before +1 and +1 before 0. */
static int32_t likely(uint64_t minus, uint64_t at_most_zero)
{
    const uint64_t zero = at_most_zero - minus, plus = WHOLE - at_most_zero;

    if (minus >= zero && minus >= plus) {
        return -1;
    }
    return plus >= zero ? 1 : 0;
}

static bool is_open(uint64_t threshold)
{
    return threshold > 0 && threshold < WHOLE;
}

static void add_columns(answered *row, uint32_t columns, uint64_t minus, uint64_t at_most_zero)
{
    const int32_t value = likely(minus, at_most_zero);

    row->sign |= value > 0 ? columns : 0;
    row->nonzero |= value != 0 ? columns : 0;
    row->uncertain |= is_open(minus) || is_open(at_most_zero) ? columns : 0;
}

/* Puts a row's answers in their place; NULL where it needs no table, or where there is no room for one. */
static uint32_t *store(ebnn_answers *answers, uint64_t row, const answered both[2])
{
    const size_t place = answers->place[row];
    const uint64_t table = answers->count;

    for (uint32_t input = 0; input < 2; input++) {
        answers->sign[2 * place + input] = both[input].sign;
        answers->nonzero[2 * place + input] = both[input].nonzero;
    }
    answers->fresh[place] = -1;
    if ((both[0].uncertain | both[1].uncertain) == 0) {
        return NULL;
    }
    answers->fresh[place] = (int32_t)(answers->first + table);
    answers->count++;
    return table < answers->room ? answers->tables + table * 2 * EBNN_READ_WORDS : NULL;
}

/* What a law makes of each value in all columns; answers whether it leaves all of them as they are, for certain. */
static bool answer_values(const ebnn_law *law, answered by_value[EBNN_TURN_VALUES])
{
    memset(by_value, 0, EBNN_TURN_VALUES * sizeof *by_value);
    for (uint32_t value = 0; value < EBNN_TURN_VALUES; value++) {
        add_columns(&by_value[value], UINT32_MAX, law->minus[value], law->at_most_zero[value]);
    }
    return law->minus[0] == WHOLE && law->minus[1] == 0 && law->at_most_zero[1] == WHOLE && law->at_most_zero[2] == 0;
}

/* Rows that are always read as what they hold, as most are. */
static void answer_as_held(ebnn_answers *answers, uint64_t first, uint64_t end, const uint32_t *sign,
                           const uint32_t *nonzero)
{
    const uint32_t *const place = answers->place;
    uint32_t *const signs = answers->sign, *const nonzeros = answers->nonzero;
    int32_t *const fresh = answers->fresh;

    for (uint64_t row = first; row < end; row++) {
        const size_t at = place[row];

        signs[2 * at] = signs[2 * at + 1] = sign[row] & nonzero[row];
        nonzeros[2 * at] = nonzeros[2 * at + 1] = nonzero[row];
        fresh[at] = -1;
    }
}

/* A row of these weights by a law. */
static void answer_one(ebnn_answers *answers, uint64_t row, uint32_t sign, uint32_t nonzero, const ebnn_law *law,
                       const answered by_value[EBNN_TURN_VALUES])
{
    const uint32_t is[EBNN_TURN_VALUES] = {nonzero & ~sign, ~nonzero, nonzero & sign};
    answered found = {0, 0, 0}, both[2];
    uint32_t *table;

    for (uint32_t value = 0; value < EBNN_TURN_VALUES; value++) {
        found.sign |= is[value] & by_value[value].sign;
        found.nonzero |= is[value] & by_value[value].nonzero;
        found.uncertain |= is[value] & by_value[value].uncertain;
    }
    both[0] = both[1] = found;
    table = store(answers, row, both);
    if (table == NULL) {
        return;
    }
    memset(table, 0, EBNN_READ_WORDS * sizeof *table);
    table[0] = found.uncertain;
    for (uint32_t value = 0; value < EBNN_TURN_VALUES; value++) {
        table[1] |= is[value] & ebnn_may_be(law->minus[value]);
        table[2] |= is[value] & ebnn_may_be(law->at_most_zero[value]);
        for (uint32_t slice = 0; slice < EBNN_READ_SLICES; slice++) {
            table[3 + slice] |= is[value] & ebnn_slice_of(law->minus[value], slice);
            table[3 + EBNN_READ_SLICES + slice] |= is[value] & ebnn_slice_of(law->at_most_zero[value], slice);
        }
    }
    memcpy(table + EBNN_READ_WORDS, table, EBNN_READ_WORDS * sizeof *table);
}

void ebnn_answer_by_law(ebnn_answers *answers, uint64_t rows, const uint32_t *sign, const uint32_t *nonzero,
                        const uint16_t *kind, const ebnn_law *laws)
{
    for (uint64_t first = 0, end; first < rows; first = end) {
        const ebnn_law *law = &laws[kind[first]];
        answered by_value[EBNN_TURN_VALUES];

        for (end = first + 1; end < rows && kind[end] == kind[first];) {
            end++;
        }
        if (answer_values(law, by_value)) {
            answer_as_held(answers, first, end, sign, nonzero);
            continue;
        }
        for (uint64_t row = first; row < end; row++) {
            answer_one(answers, row, sign[row], nonzero[row], law, by_value);
        }
    }
}

void ebnn_answer_surely(ebnn_answers *answers, uint64_t row, const uint32_t minus[2])
{
    const answered both[2] = {{~minus[0], UINT32_MAX, 0}, {~minus[1], UINT32_MAX, 0}};

    (void)store(answers, row, both);
}

void ebnn_answer_row(ebnn_answers *answers, uint64_t row, const uint64_t *minus, const uint64_t *at_most_zero)
{
    answered both[2] = {{0, 0, 0}, {0, 0, 0}};
    uint32_t *table;

    for (uint32_t each = 0; each < 2 * EBNN_TURN_COLUMNS; each++) {
        add_columns(&both[each % 2], UINT32_C(1) << each / 2, minus[each], at_most_zero[each]);
    }
    table = store(answers, row, both);
    for (uint32_t input = 0; table != NULL && input < 2; input++) {
        uint32_t *of_input = table + input * EBNN_READ_WORDS;

        of_input[0] = both[input].uncertain;
        of_input[1] = ebnn_slice_thresholds(minus + input, 2, of_input + 3);
        of_input[2] = ebnn_slice_thresholds(at_most_zero + input, 2, of_input + 3 + EBNN_READ_SLICES);
    }
}

void ebnn_answer(ebnn_answers *answers, uint64_t rows, const uint64_t *minus, const uint64_t *at_most_zero)
{
    for (uint64_t row = 0; row < rows; row++) {
        ebnn_answer_row(answers, row, minus + 2 * row * EBNN_TURN_COLUMNS, at_most_zero + 2 * row * EBNN_TURN_COLUMNS);
    }
}
