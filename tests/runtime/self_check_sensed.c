/*
 * self_check_sensed.c: a layer read off a chip whose answers, fresh as they are, can only be the layer's own weights.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "self_check.h"

/* A table that is uncertain of every column and always comes out at the weights: u is never above 2^32 - 1. */
static void fill_table(uint32_t *table, uint32_t sign, uint32_t nonzero)
{
    for (int input = 0; input < 2; input++, table += EBNN_READ_WORDS) {
        memset(table, 0xFF, EBNN_READ_WORDS * sizeof *table);
        table[1] = nonzero & ~sign;
        table[2] = ~(sign & nonzero);
    }
}

/* A chip that holds a layer, bank by bank: certain rows, and fresh ones, whose most likely answers say nothing. */
typedef struct chip {
    ebnn_sensing sensing;
    uint32_t *sign, *nonzero, *tables;
    int32_t *fresh;
    uint8_t *signs;
    uint16_t *banks;
} chip;

static chip hold_layer(const ebnn_linear_layer *layer, uint32_t rows, uint32_t bank_words)
{
    const uint32_t words = layer->row_words, neurons = layer->output.channels;
    const uint32_t spanned = (words + bank_words - 1) / bank_words;
    const uint32_t banks = (neurons + rows - 1) / rows * spanned, stripes = banks * bank_words;
    uint32_t tables = 0;
    chip made;

    made.sign = allocate((size_t)stripes * rows * 8);
    made.nonzero = allocate((size_t)stripes * rows * 8);
    made.fresh = allocate((size_t)stripes * rows * 4);
    made.tables = allocate((size_t)stripes * rows * 8 * EBNN_READ_WORDS);
    made.signs = allocate((size_t)stripes * rows);
    made.banks = allocate((size_t)banks * 2);
    for (uint32_t i = 0; i < banks; i++) {
        made.banks[i] = (uint16_t)(banks - 1 - i);
    }
    memset(made.fresh, 0xFF, (size_t)stripes * rows * 4);
    for (uint32_t i = 0; i < neurons * words; i++) {
        const uint32_t neuron = i / words, word = i % words;
        const uint32_t bank = made.banks[neuron / rows * spanned + word / bank_words];
        const size_t row = ((size_t)bank * bank_words + word % bank_words) * rows + neuron % rows;
        const uint32_t nonzero = layer->nonzero != NULL ? layer->nonzero[i] : UINT32_MAX;

        if (draw(0, 1) != 0) {
            made.sign[2 * row] = made.sign[2 * row + 1] = layer->sign[i];
            made.nonzero[2 * row] = made.nonzero[2 * row + 1] = nonzero;
            continue;
        }
        fill_table(made.tables + (size_t)tables * 2 * EBNN_READ_WORDS, layer->sign[i], nonzero);
        made.signs[tables] = layer->nonzero == NULL;
        made.fresh[row] = (int32_t)tables++;
    }
    memset(&made.sensing, 0, sizeof made.sensing);
    made.sensing.sign = made.sign;
    made.sensing.nonzero = made.nonzero;
    made.sensing.fresh = made.fresh;
    made.sensing.tables = made.tables;
    made.sensing.signs = made.signs;
    made.sensing.seed = (uint64_t)draw(0, INT32_MAX) << 32;
    made.sensing.stripes = stripes;
    made.sensing.rows = rows;
    made.sensing.bank_words = bank_words;
    made.sensing.row_bits = 6;
    made.sensing.each_read = (uint32_t)draw(0, 1);
    return made;
}

void check_sensed(const ebnn_linear_layer *layer, const uint8_t *source, const uint8_t *expected, unsigned int number)
{
    const size_t in = ebnn_tensor_bytes(&layer->input), out = ebnn_tensor_bytes(&layer->output);
    chip made = hold_layer(layer, (uint32_t)draw(1, 40), (uint32_t)draw(1, 3));
    ebnn_sensed_layer sensed = {*layer, &made.sensing};
    ebnn_host_step step;

    sensed.layer.sign = NULL; /* nothing may look at them */
    sensed.layer.nonzero = NULL;
    sensed.layer.banks = made.banks;
    memset(&step, 0, sizeof step);
    step.layer = &sensed;
    step.kind = EBNN_HOST_SENSED;
    step.source_base = EBNN_HOST_INPUT;
    step.target_base = EBNN_HOST_SCORES;
    for (int kernel = EBNN_HOST_BEST; kernel <= EBNN_HOST_NEON; kernel++) {
        if (ebnn_host_has_kernel(kernel) == 0) {
            continue;
        }
        uint8_t *batch = allocate(BATCH * out), *work = allocate(ebnn_host_work_bytes(&step, 1, BATCH));
        const uint64_t inference = UINT64_C(0xFFFFFFFF);

        if (ebnn_host_run(&step, 1, source, in, (int32_t *)(void *)batch, out, work, BATCH, inference, kernel) !=
            EBNN_OK) {
            fail("the status of a layer on a chip", number);
        }
        if (memcmp(batch, expected, BATCH * out) != 0) {
            fail("a layer on a chip", number);
        }
        free(batch);
        free(work);
    }
    free(made.sign);
    free(made.nonzero);
    free(made.tables);
    free(made.fresh);
    free(made.signs);
    free(made.banks);
}
