/*
 * ebnn_macro_marker.c: the marker, by which a chip shows which weights were programmed into it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_macro.h"
#include "ebnn_macro_registers.h"
#include "ebnn_macro_rows.h"

#ifdef EBNN_MACRO_COMMAND_READ

static ebnn_row_word word_at(const ebnn_marker *marker, uint32_t index, uint32_t inverted)
{
    const uint32_t stripe = index / EBNN_ARRAY_ROWS;
    const ebnn_row_word word = {marker->bank + stripe / EBNN_ARRAY_ROW_WORDS, index % EBNN_ARRAY_ROWS,
                                stripe % EBNN_ARRAY_ROW_WORDS, marker->words[index] ^ inverted, EBNN_ALL_COLUMNS};

    return word;
}

static int32_t write_marker(const ebnn_marker *marker, uint32_t inverted)
{
    ebnn_macro_set_kind(marker->policy, 0);
    for (uint32_t i = 0; i < marker->count; i++) {
        const ebnn_row_word word = word_at(marker, i, inverted);

        if (ebnn_macro_program_word(&word) != EBNN_OK) {
            return EBNN_ERROR_DEVICE;
        }
    }
    return EBNN_OK;
}

int32_t ebnn_macro_mark(const ebnn_marker *marker)
{
    return write_marker(marker, 0);
}

int32_t ebnn_macro_unmark(const ebnn_marker *marker)
{
    return write_marker(marker, EBNN_ALL_COLUMNS);
}

int32_t ebnn_macro_is_marked(const ebnn_marker *marker)
{
    int32_t wrong = 0;

    ebnn_macro_enable_interrupt();
    for (uint32_t i = 0; i < marker->count; i++) {
        const ebnn_row_word word = word_at(marker, i, 0);
        const int32_t found = ebnn_macro_compare_word(&word, EBNN_ALL_COLUMNS);

        if (found < 0) {
            return found;
        }
        wrong += found;
    }
    return wrong <= marker->most_wrong ? 1 : 0;
}

#else
typedef int ebnn_macro_without_a_read_command; /* ISO C forbids an empty file */
#endif
