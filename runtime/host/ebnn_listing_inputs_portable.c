/*
 * ebnn_listing_inputs_portable.c: which inputs of a vector are active, in plain C; the truth for the other kernels.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_listing.h"

#include "ebnn_internal.h"
#include "ebnn_set_bits.h"

/* Lists the rows of a word's bits, where its first input's are from `first` on. Entries behind the end are written too. */
static inline uint16_t *list_word(uint16_t *list, uint32_t word, uint32_t first, uint32_t input_rows)
{
    for (uint32_t shift = 0; shift < EBNN_WORD_BITS; shift += 8) {
        const uint32_t byte = word >> shift & 255;
        const uint16_t *bits = ebnn_set_bits[byte];
        const uint16_t begin = (uint16_t)(first + shift * input_rows);

        for (uint32_t i = 0; i < 8; i++) {
            for (uint32_t row = 0; row < input_rows; row++) {
                list[input_rows * i + row] = (uint16_t)(begin + input_rows * bits[i] + row);
            }
        }
        list += input_rows * ebnn_set_bit_counts[byte];
    }
    return list;
}

uint32_t ebnn_count_bits_portable(const uint32_t *words, size_t count)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < count; i++) {
        bits += ebnn_popcount(words[i]);
    }
    return bits;
}

uint16_t *ebnn_list_bits_portable(const uint32_t *words, size_t count, uint32_t input_rows, uint16_t *places)
{
    for (size_t i = 0; i < count; i++) {
        if (input_rows == 1) {
            places = list_word(places, words[i], (uint32_t)i * EBNN_WORD_BITS, 1);
        } else {
            places = list_word(places, words[i], (uint32_t)i * EBNN_WORD_BITS * 2, 2);
        }
    }
    return places;
}
