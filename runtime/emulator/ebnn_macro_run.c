/*
 * ebnn_macro_run.c: the macro's sequencer: pixel after pixel, group after group, row after row.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "ebnn.h"
#include "ebnn_emulated_bits.h"
#include "ebnn_macro_layer.h"

/* What the gather unit holds for one pixel and group: a sign and a mask vector of row_words words for each plane. */
typedef struct gathered {
    uint32_t *sign;
    uint32_t *mask;
} gathered;

typedef struct layer_walk {
    ebnn_macro_model *macro;
    const ebnn_macro_layer *layer;
    gathered vectors;
} layer_walk;

static void put_bit(uint32_t *vector, uint32_t index, uint32_t bit)
{
    vector[index / 32] |= (bit & 1) << (index % 32);
}

/* One input of the neurons enters the gather unit; `value` is -1, 0 or +1 for packed formats. */
static void put_input(const layer_walk *walk, uint32_t index, int32_t value)
{
    const ebnn_macro_layer *layer = walk->layer;

    if (layer->input.pixel_words != 0) {
        put_bit(walk->vectors.sign, index, value > 0);
        put_bit(walk->vectors.mask, index, value != 0);
        return;
    }
    for (uint32_t plane = 0; plane < layer->planes; plane++) {
        const size_t first = (size_t)plane * layer->row_words;

        put_bit(walk->vectors.sign + first, index, 1);
        put_bit(walk->vectors.mask + first, index, (uint32_t)value >> plane);
    }
}

static int32_t input_value(const ebnn_macro_tensor *input, uint32_t y, uint32_t x, uint32_t channel)
{
    const size_t pixel = (size_t)y * input->width + x;
    const uint8_t *bytes = input->bytes;
    size_t element;

    if (input->pixel_words != 0) {
        const uint8_t *word = bytes + 4 * (pixel * input->pixel_words + channel / 32);
        const uint32_t sign = (ebnn_emulated_load(word, 4) >> (channel % 32)) & 1;
        uint32_t nonzero = 1;

        if (input->format == EBNN_TRITS) {
            nonzero = (ebnn_emulated_load(word + 2 * (size_t)input->pixel_words, 4) >> (channel % 32)) & 1;
        }
        return nonzero == 0 ? 0 : sign != 0 ? 1 : -1;
    }
    element = (size_t)channel * input->height * input->width + pixel;
    return (int32_t)ebnn_emulated_load(bytes + element * input->element_bytes, input->element_bytes);
}

/* SRAM accesses that fetch a group's channels of one pixel. */
static uint32_t tap_accesses(const ebnn_macro_layer *layer, uint32_t group)
{
    const uint32_t first = group * layer->group_channels;
    const uint32_t last = first + layer->group_channels - 1;

    if (layer->input.pixel_words == 0) {
        return layer->group_channels;
    }
    return (last / 32 - first / 32 + 1) * (layer->input.format == EBNN_TRITS ? 2 : 1);
}

static void gather(const layer_walk *walk, uint32_t y, uint32_t x, uint32_t group)
{
    const ebnn_macro_layer *layer = walk->layer;
    const size_t words = (size_t)layer->planes * layer->row_words;
    const uint32_t first = group * layer->group_channels;
    const int64_t top = (int64_t)y * layer->stride[0] - layer->padding[0];
    const int64_t left = (int64_t)x * layer->stride[1] - layer->padding[1];
    uint32_t index = 0;

    memset(walk->vectors.sign, 0, words * sizeof(uint32_t));
    memset(walk->vectors.mask, 0, words * sizeof(uint32_t));
    for (uint32_t ky = 0; ky < layer->kernel[0]; ky++) {
        const int64_t row = top + (int64_t)ky * layer->dilation[0];

        for (uint32_t kx = 0; kx < layer->kernel[1]; kx++) {
            const int64_t column = left + (int64_t)kx * layer->dilation[1];
            const bool exists = row >= 0 && row < layer->input.height && column >= 0 && column < layer->input.width;

            if (exists) {
                walk->macro->events->sram_accesses += tap_accesses(layer, group);
            }
            for (uint32_t channel = first; channel < first + layer->group_channels; channel++) {
                put_input(walk, index++,
                          exists ? input_value(&layer->input, (uint32_t)row, (uint32_t)column, channel)
                                 : layer->pad_value);
            }
        }
    }
}

/* What the sense amplifiers of one word of a row answer for these inputs, bit = column. */
static void read_word(const ebnn_macro_model *macro, uint32_t stripe, uint32_t row, uint32_t number, uint32_t inputs,
                      uint32_t *sign, uint32_t *nonzero)
{
    const size_t index = (size_t)stripe * macro->rows + row;

    if (macro->sensing != NULL && stripe < macro->sensing->stripes) {
        ebnn_sense_row(macro->sensing, stripe, row, macro->inference, number, inputs, sign, nonzero);
    } else {
        *sign = macro->sign[index];
        *nonzero = macro->nonzero[index];
    }
}

/* One row read for each plane: the neuron's partial counts of all its banks, added up at the planes' weights. */
static int32_t sense(const layer_walk *walk, size_t pixel, uint32_t neuron)
{
    const ebnn_macro_model *macro = walk->macro;
    const ebnn_macro_layer *layer = walk->layer;
    const uint8_t *banks = layer->banks + 2 * (size_t)(neuron / macro->rows) * layer->spanned_banks;
    uint32_t total = 0; /* two's complement, as the macro's accumulator */

    for (uint32_t plane = 0; plane < layer->planes; plane++) {
        const uint32_t *sign = walk->vectors.sign + (size_t)plane * layer->row_words;
        const uint32_t *mask = walk->vectors.mask + (size_t)plane * layer->row_words;
        const uint32_t number = (uint32_t)pixel * layer->planes + plane; /* of this read of the row in the inference */
        uint32_t match = 0, active = 0, count;

        for (uint32_t word = 0; word < layer->row_words; word++) {
            const uint32_t bank = ebnn_emulated_load(banks + 2 * (size_t)(word / macro->bank_words), 2);
            const uint32_t stripe = bank * macro->bank_words + word % macro->bank_words;
            uint32_t row_sign, row_nonzero;

            read_word(macro, stripe, neuron % macro->rows, number, sign[word], &row_sign, &row_nonzero);
            row_nonzero &= mask[word];
            match += ebnn_emulated_popcount(~(row_sign ^ sign[word]) & row_nonzero);
            active += ebnn_emulated_popcount(row_nonzero);
        }
        count = (2 * match - active) << plane;
        total += layer->input_signed && plane + 1 == layer->planes ? 0 - count : count;
    }
    return (int32_t)total;
}

/* The neuron's sum at a pixel, from what it starts from. */
static int32_t sum_of(const ebnn_macro_layer *layer, uint32_t y, uint32_t x, uint32_t neuron, int32_t dot)
{
    uint32_t zone;

    if (layer->starts == NULL) {
        return dot;
    }
    zone =
        ebnn_emulated_load(layer->zones[0] + 2 * (size_t)y, 2) + ebnn_emulated_load(layer->zones[1] + 2 * (size_t)x, 2);
    return (int32_t)(((uint32_t)dot << layer->shift) +
                     ebnn_emulated_load(layer->starts + 4 * ((size_t)zone * layer->output.channels + neuron), 4));
}

static int32_t steps_passed(const ebnn_macro_layer *layer, uint32_t neuron, int32_t value)
{
    const uint8_t *threshold = layer->thresholds + 4 * (size_t)neuron * layer->steps;
    int32_t count = 0;

    if (layer->directions != NULL &&
        (ebnn_emulated_load(layer->directions + 4 * (size_t)(neuron / 32), 4) >> (neuron % 32) & 1) != 0) {
        value = ~value;
    }
    for (uint32_t step = 0; step < layer->steps; step++) {
        count += (int32_t)ebnn_emulated_load(threshold + 4 * (size_t)step, 4) <= value;
    }
    return count;
}

static void write_output(const ebnn_macro_layer *layer, size_t pixel, uint32_t neuron, int32_t sum)
{
    const ebnn_macro_tensor *output = &layer->output;
    const int32_t count = layer->steps == 0 ? 0 : steps_passed(layer, neuron, sum);
    const size_t pixels = (size_t)output->height * output->width;
    uint8_t *byte = output->bytes + 4 * pixel * output->pixel_words + neuron / 8;
    const uint8_t bit = (uint8_t)(1u << (neuron % 8));

    if (output->pixel_words == 0) {
        const uint32_t value =
            layer->steps == 0 ? (uint32_t)sum : (uint32_t)layer->low + (uint32_t)layer->step * (uint32_t)count;

        ebnn_emulated_store(output->bytes + (neuron * pixels + pixel) * output->element_bytes, output->element_bytes,
                            value);
    } else if (output->format == EBNN_BITS) {
        *byte = (uint8_t)(*byte | (count > 0 ? bit : 0));
    } else {
        uint8_t *nonzero = byte + 2 * (size_t)output->pixel_words; /* half of the pixel's words are signs */

        *byte = (uint8_t)(*byte | (count > 1 ? bit : 0));
        *nonzero = (uint8_t)(*nonzero | (count != 1 ? bit : 0));
    }
}

/* The events of one output pixel, but for the gather unit's fetches. */
static void count_pixel(const layer_walk *walk)
{
    const ebnn_macro_layer *layer = walk->layer;
    const uint64_t neurons = layer->output.channels;
    const uint64_t reads = neurons * layer->planes;
    const uint64_t words = (uint64_t)layer->spanned_banks * walk->macro->bank_words;
    ebnn_events *events = walk->macro->events;

    events->popcounts += reads * words;
    events->pcsa_reads += 32 * reads * words; /* whole rows, whether all of their columns have an input or not */
    events->array_cycles += reads * walk->macro->cycles_per_read;
    events->thresholds += neurons * (layer->steps == 0 ? 1 : layer->steps);
    events->sram_accesses += layer->output.pixel_words != 0 ? layer->output.pixel_words : neurons;
}

static void run_pixel(const layer_walk *walk, uint32_t y, uint32_t x)
{
    const ebnn_macro_layer *layer = walk->layer;
    const size_t pixel = (size_t)y * layer->output.width + x;
    const size_t pixel_bytes = 4 * (size_t)layer->output.pixel_words;

    memset(layer->output.bytes + pixel * pixel_bytes, 0, pixel_bytes);
    for (uint32_t group = 0; group < layer->groups; group++) {
        gather(walk, y, x, group);
        for (uint32_t i = 0; i < layer->group_neurons; i++) {
            const uint32_t neuron = group * layer->group_neurons + i;

            write_output(layer, pixel, neuron, sum_of(layer, y, x, neuron, sense(walk, pixel, neuron)));
        }
    }
    count_pixel(walk);
}

const char *ebnn_macro_run(ebnn_macro_model *macro)
{
    ebnn_macro_layer layer;
    const char *complaint = ebnn_macro_decode(macro, &layer);
    const layer_walk walk = {
        macro, &layer, {macro->gather, macro->gather + (size_t)32 * macro->parallel_banks * macro->bank_words}};

    if (complaint != NULL) {
        return complaint;
    }
    macro->events->array_cycles += macro->cycles_per_layer;
    for (uint32_t y = 0; y < layer.output.height; y++) {
        for (uint32_t x = 0; x < layer.output.width; x++) {
            run_pixel(&walk, y, x);
        }
    }
    return NULL;
}
