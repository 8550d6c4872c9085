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
    return (uint32_t)(sizeof(ebnn_lifted_layer) + sizeof(ebnn_wrong_weight) + sizeof(ebnn_lifted));
}

/* Whether the columns are always read alike. */
static bool is_certain(const ebnn_sensing *sensing, size_t place, uint32_t columns, bool plus_alone)
{
    const uint32_t *sign = sensing->sign + 2 * place, *nonzero = sensing->nonzero + 2 * place;
    const int32_t fresh = sensing->fresh[place];

    if (fresh >= 0) {
        const uint32_t *table = sensing->tables + (size_t)fresh * 2 * EBNN_READ_WORDS;
        const uint32_t uncertain = table[EBNN_READ_WORDS] | (plus_alone ? 0 : table[0]);

        if ((uncertain & columns) != 0) {
            return false;
        }
    }
    return plus_alone || (((sign[0] ^ sign[1]) | (nonzero[0] ^ nonzero[1])) & columns) == 0;
}

static int32_t value_of(uint32_t sign, uint32_t nonzero, uint32_t column)
{
    const int32_t plus = (int32_t)(sign >> column & 1), there = (int32_t)(nonzero >> column & 1);

    return (2 * plus - 1) * there;
}

/* Which columns are wrong, as entries of the list. */
static void list_wrong(ebnn_lifted *lifted, uint32_t neuron, uint32_t word, const uint32_t meant[2],
                       const uint32_t read[2])
{
    uint32_t wrong = (meant[0] ^ read[0]) | (meant[1] ^ read[1]);

    for (; wrong != 0; wrong &= wrong - 1) {
        const uint32_t column = ebnn_popcount((wrong & (0 - wrong)) - 1);

        if (lifted->wrong < lifted->room) {
            ebnn_wrong_weight *entry = &lifted->list[lifted->wrong];

            entry->neuron = neuron;
            entry->input = word * 32 + column;
            entry->change = value_of(read[0], read[1], column) - value_of(meant[0], meant[1], column);
        }
        lifted->wrong++;
    }
}

void ebnn_lift(const ebnn_sensing *sensing, const ebnn_lifted_layer *layer, ebnn_lifted *lifted)
{
    bool certain = true;
    uint32_t zeros = 0;

    lifted->wrong = 0;
    for (uint32_t neuron = 0; neuron < layer->neurons; neuron++) {
        const size_t first = (size_t)neuron * layer->words;
        uint32_t *sign = lifted->sign + first;
        uint32_t *nonzero = lifted->nonzero + first;

        for (uint32_t word = 0; word < layer->words; word++) {
            const size_t place = layer->place[first + word];
            const uint32_t columns = layer->columns[word];
            const uint32_t read[2] = {sensing->sign[2 * place + 1] & columns,
                                      sensing->nonzero[2 * place + 1] & columns};
            const uint32_t meant[2] = {layer->sign[first + word], layer->nonzero[first + word]};

            sign[word] = read[0];
            nonzero[word] = read[1];
            zeros |= read[1] ^ columns;
            certain = certain && is_certain(sensing, place, columns, layer->plus_alone != 0);
            list_wrong(lifted, neuron, word, meant, read);
        }
    }
    lifted->certain = certain ? 1 : 0;
    lifted->has_zeros = zeros != 0 ? 1 : 0;
}
