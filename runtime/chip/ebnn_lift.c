/*
 * ebnn_lift.c: see ebnn_lift.h. A word of a row of a bank is a word of a row of the layer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_lift.h"

#include <stdbool.h>
#include <stddef.h>

#include "ebnn_internal.h"
#include "ebnn_lowest_bit.h"

uint32_t ebnn_lift_bytes(void)
{
    return (uint32_t)(sizeof(ebnn_lifted_layer) + sizeof(ebnn_wrong_weight) + sizeof(ebnn_open_word) +
                      sizeof(ebnn_lifted) + sizeof(ebnn_held_rows));
}

/* A word of a row: what is meant, and what is most likely read with an input of -1, and of +1. */
typedef struct lifted_word {
    uint32_t neuron;
    uint32_t word;
    uint32_t meant[2]; /* sign, nonzero */
    uint32_t read[2][2];
} lifted_word;

/* The columns that are not always read alike with one and the same input. */
static uint32_t find_open(const ebnn_sensing *sensing, size_t place, bool plus_alone)
{
    const int32_t fresh = sensing->fresh[place];
    const uint32_t *table;

    if (fresh < 0) {
        return 0;
    }
    table = sensing->tables + (size_t)fresh * 2 * EBNN_READ_WORDS;
    return table[EBNN_READ_WORDS] | (plus_alone ? 0 : table[0]);
}

static int32_t value_of(const uint32_t weights[2], uint32_t column)
{
    const int32_t plus = (int32_t)(weights[0] >> column & 1), there = (int32_t)(weights[1] >> column & 1);

    return (2 * plus - 1) * there;
}

static uint32_t unlike(const uint32_t one[2], const uint32_t other[2])
{
    return (one[0] ^ other[0]) | (one[1] ^ other[1]);
}

/* Which of some columns are wrong, as entries of the list. */
static void list_wrong(ebnn_lifted *lifted, const lifted_word *at, uint32_t columns)
{
    uint32_t wrong = (unlike(at->meant, at->read[0]) | unlike(at->meant, at->read[1])) & columns;

    lifted->alike = lifted->alike != 0 && (unlike(at->read[0], at->read[1]) & columns) == 0 ? 1 : 0;
    for (; wrong != 0; wrong &= wrong - 1) {
        const uint32_t column = ebnn_lowest_bit(wrong);

        if (lifted->listed < lifted->room) {
            ebnn_wrong_weight *entry = &lifted->list[lifted->listed];

            entry->neuron = at->neuron;
            entry->input = at->word * 32 + column;
            for (uint32_t input = 0; input < 2; input++) {
                entry->change[input] = (int16_t)(value_of(at->read[input], column) - value_of(at->meant, column));
            }
        }
        lifted->listed++;
    }
}

static void list_open(ebnn_lifted *lifted, const lifted_word *at, uint32_t place, uint32_t lanes)
{
    if (lifted->opened < lifted->open_room) {
        const ebnn_open_word found = {at->neuron, at->word, place, lanes, at->meant[0], at->meant[1]};

        lifted->open[lifted->opened] = found;
    }
    lifted->opened++;
}

/* A word of which some column is not certain, or read otherwise than meant. */
static void lift_word(const ebnn_sensing *sensing, const ebnn_lifted_layer *layer, lifted_word *at, uint32_t columns,
                      ebnn_lifted *lifted)
{
    const size_t index = (size_t)at->neuron * layer->words + at->word, place = layer->place[index];
    const uint32_t open = find_open(sensing, place, layer->plus_alone != 0) & columns;

    at->meant[0] = layer->sign[index];
    at->meant[1] = layer->nonzero[index];
    for (uint32_t input = 0; input < 2; input++) {
        const size_t of_input = 2 * place + (layer->plus_alone != 0 ? 1 : input);

        at->read[input][0] = sensing->sign[of_input] & columns;
        at->read[input][1] = sensing->nonzero[of_input] & columns;
    }
    lifted->wrong += ebnn_popcount(unlike(at->meant, at->read[1]));
    list_wrong(lifted, at, columns & ~open);
    if (open != 0) {
        list_open(lifted, at, layer->place[index], open);
    }
}

/* Words that are looked at together: which of them differ is found before any of them is listed. */
#define CHUNK 64

/* Words `first` to `end` of a neuron's row: most are certain and as they are meant, and are looked at no further. */
static void lift_words(const ebnn_sensing *sensing, const ebnn_lifted_layer *layer, uint32_t neuron, uint32_t first,
                       uint32_t end, ebnn_lifted *lifted)
{
    const size_t begin = (size_t)neuron * layer->words;
    const uint32_t *const meant_sign = layer->sign + begin, *const meant_nonzero = layer->nonzero + begin;
    const uint32_t *const places = layer->place + begin, *const columns = layer->columns;
    const uint32_t *const signs = sensing->sign, *const nonzeros = sensing->nonzero;
    const int32_t *const fresh = sensing->fresh;
    const uint32_t low = layer->plus_alone != 0 ? 1 : 0;
    uint32_t found[CHUNK], count = 0;

    for (uint32_t word = first; word < end; word++) {
        const size_t place = places[word], with_minus = 2 * place + low, with_plus = 2 * place + 1;
        const uint32_t unlike_plus =
            (signs[with_plus] ^ meant_sign[word]) | (nonzeros[with_plus] ^ meant_nonzero[word]);
        const uint32_t unlike_minus =
            (signs[with_minus] ^ meant_sign[word]) | (nonzeros[with_minus] ^ meant_nonzero[word]);

        found[count] = word;
        count += ((unlike_plus | unlike_minus) & columns[word]) != 0 || fresh[place] >= 0 ? 1 : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        lifted_word at = {neuron, found[i], {0, 0}, {{0, 0}, {0, 0}}};

        lift_word(sensing, layer, &at, columns[found[i]], lifted);
    }
}

static void begin(ebnn_lifted *lifted)
{
    lifted->listed = lifted->opened = lifted->wrong = 0;
    lifted->alike = 1;
}

void ebnn_lift(const ebnn_sensing *sensing, const ebnn_lifted_layer *layer, ebnn_lifted *lifted)
{
    begin(lifted);
    for (uint32_t neuron = 0; neuron < layer->neurons; neuron++) {
        for (uint32_t first = 0; first < layer->words; first += CHUNK) {
            const uint32_t left = layer->words - first;

            lift_words(sensing, layer, neuron, first, first + (left < CHUNK ? left : CHUNK), lifted);
        }
    }
}

/* Which of `count` rows from `first` on differ from what is meant; answers how many. */
static uint32_t find_differing(const ebnn_held_rows *held, size_t first, uint32_t count, uint32_t found[CHUNK])
{
    const uint32_t *const sign = held->sign + first, *const nonzero = held->nonzero + first;
    const uint32_t *const meant_sign = held->meant_sign + first, *const meant_nonzero = held->meant_nonzero + first;
    uint32_t differs[CHUNK], differing = 0;

    for (uint32_t i = 0; i < count; i++) {
        differs[i] = sign[i] ^ meant_sign[i];
    }
    for (uint32_t i = 0; nonzero != meant_nonzero && i < count; i++) { /* binary rows stay what they are */
        differs[i] |= nonzero[i] ^ meant_nonzero[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        found[differing] = i;
        differing += differs[i] != 0 ? 1 : 0;
    }
    return differing;
}

void ebnn_flag_held(const ebnn_held_rows *held, uint64_t *flags)
{
    for (size_t first = 0; first < held->rows; first += CHUNK) {
        const size_t left = (size_t)held->rows - first;
        uint32_t found[CHUNK];
        const uint32_t count = find_differing(held, first, left < CHUNK ? (uint32_t)left : CHUNK, found);

        for (uint32_t i = 0; i < count; i++) {
            const uint32_t flag = held->flag[first + found[i]];

            flags[flag / 64] |= UINT64_C(1) << flag % 64;
        }
    }
}

/* A word of a neuron's row that may not be as it is meant. */
static void lift_held_word(const ebnn_held_rows *held, const ebnn_lifted_layer *layer, uint32_t neuron, uint32_t word,
                           ebnn_lifted *lifted)
{
    const size_t index = (size_t)neuron * layer->words + word, row = layer->place[index];
    const uint32_t there = held->nonzero[row] & layer->columns[word], plus = held->sign[row] & there;
    const lifted_word at = {neuron, word, {layer->sign[index], layer->nonzero[index]}, {{plus, there}, {plus, there}}};

    lifted->wrong += ebnn_popcount(unlike(at.meant, at.read[1]));
    list_wrong(lifted, &at, layer->columns[word]);
}

void ebnn_lift_held(const ebnn_held_rows *held, const ebnn_lifted_layer *layer, const uint64_t *flags,
                    ebnn_lifted *lifted)
{
    const uint32_t of_neuron = EBNN_NEURON_FLAGS(layer->words);

    begin(lifted);
    for (uint32_t neuron = 0; neuron < layer->neurons; neuron++) {
        for (uint32_t part = 0; part < of_neuron; part++, flags++) {
            for (uint64_t left = *flags; left != 0; left &= left - 1) {
                lift_held_word(held, layer, neuron, 64 * part + ebnn_lowest_bit(left), lifted);
            }
        }
    }
}
