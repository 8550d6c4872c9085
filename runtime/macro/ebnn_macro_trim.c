/*
 * ebnn_macro_trim.c: what the sums of a layer start from on this chip, so that they are right in the mean.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "ebnn_macro.h"
#include "ebnn_macro_registers.h"
#include "ebnn_macro_rows.h"

#ifdef EBNN_MACRO_COMMAND_READ

/* A layer that is read back; `sums` has for each neuron what its wrong weights add, in units of the means. */
typedef struct trimmed {
    const int16_t *means;
    uint32_t fan_in;
    uint32_t group_neurons;
    int32_t *sums;
} trimmed;

/* The weight in a column of a word: -1, 0 or +1. */
static int32_t weight_in(uint32_t sign, uint32_t nonzero, uint32_t column)
{
    return ((nonzero >> column) & 1) == 0 ? 0 : ((sign >> column) & 1) == 0 ? -1 : 1;
}

/* The lowest column of a word that is not 0, by a de Bruijn sequence: its five highest bits tell where it was moved to. */
static uint32_t lowest(uint32_t columns)
{
    static const uint8_t moved[32] = {0,  1,  28, 2,  29, 14, 24, 3, 30, 22, 20, 15, 25, 17, 4,  8,
                                      31, 27, 13, 23, 21, 19, 16, 7, 26, 12, 18, 6,  11, 5,  10, 9};

    return moved[((columns & (0 - columns)) * UINT32_C(0x077CB531)) >> 27];
}

static int32_t add_wrong(const ebnn_row_word *word, uint32_t columns, uint32_t neuron, uint32_t place, const void *user)
{
    const trimmed *at = user;
    uint32_t sign, nonzero, unlike;

    if (ebnn_macro_read_word(word, &sign, &nonzero) != EBNN_OK) {
        return EBNN_ERROR_DEVICE;
    }
    unlike = ebnn_unlike(word, sign, nonzero) & columns;
    if (unlike != 0) {
        const int16_t *means = at->means + (size_t)(neuron / at->group_neurons) * at->fan_in + (size_t)32 * place;
        int32_t sum = at->sums[neuron];

        for (; unlike != 0; unlike &= unlike - 1) {
            const uint32_t column = lowest(unlike);

            sum += (weight_in(sign, nonzero, column) - weight_in(word->sign, word->nonzero, column)) * means[column];
        }
        at->sums[neuron] = sum;
    }
    return EBNN_OK;
}

/* A sum of means in the units of the layer's sums, rounded to nearest, and no further from 0 than `most`. */
static int32_t shift_of(int32_t sum, int32_t down, int32_t most)
{
    int32_t shift;

    if (down > 0) {
        const uint32_t sign =
            sum < 0 ? UINT32_MAX : 0; /* what >> makes of a negative number is the compiler's choice */

        shift = (int32_t)((((uint32_t)sum ^ sign) >> down) ^ sign);
        shift += (int32_t)(((uint32_t)sum >> (down - 1)) & 1);
        return shift > most ? most : shift < -most ? -most : shift;
    }
    shift = most >> -down;
    return sum > shift ? most : sum < -shift ? -most : (int32_t)((uint32_t)sum << -down);
}

int32_t ebnn_macro_trim(const ebnn_linear_layer *layer, const ebnn_trimming *trimming, int32_t *start)
{
    const ebnn_window *window = &layer->window;
    const ebnn_border *border = layer->border;
    const uint32_t neurons = layer->output.channels;
    const uint32_t fan_in =
        (uint32_t)window->kernel_height * window->kernel_width * (layer->input.channels / layer->groups);
    const trimmed at = {trimming->means, fan_in, neurons / layer->groups, start};
    int32_t status;

    if (border == NULL) {
        return EBNN_ERROR_BORDER;
    }
    for (uint32_t neuron = 0; neuron < neurons; neuron++) {
        start[neuron] = 0;
    }
    ebnn_macro_enable_interrupt();
    status = ebnn_macro_walk(layer, add_wrong, &at);
    if (status < 0) {
        return status;
    }
    for (uint32_t neuron = 0; neuron < neurons; neuron++) {
        const int32_t shift = shift_of(start[neuron], trimming->fraction - (int32_t)border->shift, trimming->most);

        for (uint32_t zone = 0; zone < trimming->zones; zone++) {
            const size_t at_zone = (size_t)zone * neurons + neuron;

            start[at_zone] = border->start[at_zone] - shift;
        }
    }
    return EBNN_OK;
}

uint32_t ebnn_trim_check(uint32_t identity, const int32_t *words, uint32_t count)
{
    uint32_t check = identity;

    for (uint32_t i = 0; i < count; i++) {
        check = (check ^ (uint32_t)words[i]) * UINT32_C(0x01000193);
        check ^= check >> 15;
    }
    return check != 0 ? check : 1;
}

#else
typedef int ebnn_macro_trims_nothing; /* ISO C forbids an empty file */
#endif
