/*
 * ebnn_lift.c: see ebnn_lift.h. A word of a row of a bank is a word of a row of the layer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_lift.h"

#include <stdbool.h>
#include <stddef.h>

#include "ebnn_internal.h"

uint32_t ebnn_lift_bytes(void)
{
    return (uint32_t)(sizeof(ebnn_lifted_layer) + sizeof(ebnn_wrong_weight) + sizeof(ebnn_open_word) +
                      sizeof(ebnn_lifted));
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
        const uint32_t column = ebnn_popcount((wrong & (0 - wrong)) - 1);

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

static void lift_word(const ebnn_sensing *sensing, const ebnn_lifted_layer *layer, lifted_word *at, ebnn_lifted *lifted)
{
    const size_t index = (size_t)at->neuron * layer->words + at->word, place = layer->place[index];
    const uint32_t columns = layer->columns[at->word];
    const uint32_t open = find_open(sensing, place, layer->plus_alone != 0) & columns;
    uint32_t wrong;

    at->meant[0] = layer->sign[index];
    at->meant[1] = layer->nonzero[index];
    for (uint32_t input = 0; input < 2; input++) {
        const size_t of_input = 2 * place + (layer->plus_alone != 0 ? 1 : input);

        at->read[input][0] = sensing->sign[of_input] & columns;
        at->read[input][1] = sensing->nonzero[of_input] & columns;
    }
    lifted->sign[index] = at->read[1][0];
    lifted->nonzero[index] = at->read[1][1];
    wrong = unlike(at->meant, at->read[1]);
    if ((wrong | unlike(at->meant, at->read[0]) | open) == 0) {
        return; /* as most are */
    }
    lifted->wrong += ebnn_popcount(wrong);
    list_wrong(lifted, at, columns & ~open);
    if (open != 0) {
        list_open(lifted, at, layer->place[index], open);
    }
}

void ebnn_lift(const ebnn_sensing *sensing, const ebnn_lifted_layer *layer, ebnn_lifted *lifted)
{
    lifted_word at;

    lifted->listed = lifted->opened = lifted->wrong = 0;
    lifted->alike = 1;
    for (at.neuron = 0; at.neuron < layer->neurons; at.neuron++) {
        for (at.word = 0; at.word < layer->words; at.word++) {
            lift_word(sensing, layer, &at, lifted);
        }
    }
}
