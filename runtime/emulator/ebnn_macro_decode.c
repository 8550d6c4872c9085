/*
 * ebnn_macro_decode.c: from the registers of a run command to a layer that can be walked without further checks.
 *
 * The registers come from firmware that may be broken or hostile: after this file every address that the walk touches
 * lies in flash or SRAM, and the walk's length is bounded.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "ebnn.h"
#include "ebnn_emulated_bits.h"
#include "ebnn_macro_layer.h"

/* No extent of a tensor in a memory of less than 4 GiB is larger; products of two such fit 64 bits. */
#define LARGEST_EXTENT UINT32_C(0x10000000)

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        const char *complaint = (call);                                                                                \
        if (complaint != NULL) {                                                                                       \
            return complaint;                                                                                          \
        }                                                                                                              \
    } while (0)

static uint32_t words_of(uint64_t bits)
{
    return (uint32_t)((bits + 31) / 32);
}

static uint8_t *inside(const ebnn_memory *memory, uint32_t address, uint64_t bytes)
{
    if (address < memory->base || bytes > memory->size || address - memory->base > memory->size - bytes) {
        return NULL;
    }
    return memory->bytes + (address - memory->base);
}

/* The bytes of a constant table; a table is read once, word by word. */
static const uint8_t *table(ebnn_macro_model *macro, uint32_t address, uint64_t bytes)
{
    const uint8_t *found = inside(&macro->flash, address, bytes);

    if (found != NULL) {
        macro->events->flash_reads += (bytes + 3) / 4;
        return found;
    }
    found = inside(&macro->sram, address, bytes);
    if (found != NULL) {
        macro->events->sram_accesses += (bytes + 3) / 4;
    }
    return found;
}

static const char *decode_tensor(ebnn_macro_model *macro, ebnn_macro_tensor *tensor, uint32_t format, uint32_t address)
{
    static const uint8_t element_bytes[] = {0, 0, 1, 1, 2, 2, 4};
    uint64_t pixels, bytes;

    if (format > EBNN_INT32) {
        return "a tensor has an unknown format";
    }
    if (tensor->height == 0 || tensor->width == 0 || tensor->channels == 0 || tensor->height > LARGEST_EXTENT ||
        tensor->width > LARGEST_EXTENT || tensor->channels > LARGEST_EXTENT) {
        return "a tensor's extents are out of range";
    }
    tensor->format = format;
    tensor->element_bytes = element_bytes[format];
    tensor->pixel_words = 0;
    if (tensor->element_bytes == 0) {
        tensor->pixel_words = words_of(tensor->channels) * (format == EBNN_TRITS ? 2 : 1);
    }
    pixels = (uint64_t)tensor->height * tensor->width;
    if (pixels > macro->sram.size) {
        return "a tensor is larger than SRAM";
    }
    bytes =
        tensor->pixel_words != 0 ? pixels * tensor->pixel_words * 4 : pixels * tensor->channels * tensor->element_bytes;
    tensor->bytes = inside(&macro->sram, address, bytes);
    return tensor->bytes == NULL || address % 4 != 0 ? "a tensor does not lie in SRAM, or not on a word" : NULL;
}

static void decode_pair(uint32_t value, uint32_t pair[2])
{
    pair[0] = value & 0xFFFF;
    pair[1] = value >> 16;
}

static const char *decode_window(const uint32_t *registers, ebnn_macro_layer *layer)
{
    decode_pair(registers[EBNN_ROLE_KERNEL], layer->kernel);
    decode_pair(registers[EBNN_ROLE_STRIDE], layer->stride);
    decode_pair(registers[EBNN_ROLE_DILATION], layer->dilation);
    decode_pair(registers[EBNN_ROLE_PADDING], layer->padding);
    for (int axis = 0; axis < 2; axis++) {
        if (layer->kernel[axis] == 0 || layer->stride[axis] == 0 || layer->dilation[axis] == 0) {
            return "a window's kernel, stride or dilation is zero";
        }
    }
    return NULL;
}

static const char *decode_input(ebnn_macro_model *macro, ebnn_macro_layer *layer)
{
    const uint32_t *registers = macro->registers;
    const uint32_t format = registers[EBNN_ROLE_INPUT_FORMAT] & 0xFF;
    ebnn_macro_tensor *input = &layer->input;

    input->height = registers[EBNN_ROLE_INPUT_HEIGHT];
    input->width = registers[EBNN_ROLE_INPUT_WIDTH];
    input->channels = registers[EBNN_ROLE_INPUT_CHANNELS];
    TRY(decode_tensor(macro, input, format, registers[EBNN_ROLE_INPUT_ADDRESS]));
    layer->input_signed = format == EBNN_INT8 || format == EBNN_INT16 || format == EBNN_INT32;
    layer->planes = (registers[EBNN_ROLE_INPUT_FORMAT] >> 8) & 0xFF;
    if (layer->planes == 0 || layer->planes > (input->pixel_words != 0 ? 1 : 8 * input->element_bytes)) {
        return "the input has more bit planes than its format, or none";
    }
    return NULL;
}

static const char *decode_output(ebnn_macro_model *macro, ebnn_macro_layer *layer)
{
    const uint32_t *registers = macro->registers;
    ebnn_macro_tensor *output = &layer->output;
    const uint8_t *input = layer->input.bytes;
    uint64_t input_bytes, output_bytes;

    output->height = registers[EBNN_ROLE_OUTPUT_HEIGHT];
    output->width = registers[EBNN_ROLE_OUTPUT_WIDTH];
    output->channels = registers[EBNN_ROLE_OUTPUT_CHANNELS];
    TRY(decode_tensor(macro, output, registers[EBNN_ROLE_OUTPUT_FORMAT], registers[EBNN_ROLE_OUTPUT_ADDRESS]));
    layer->steps = registers[EBNN_ROLE_THRESHOLD_STEPS];
    if ((layer->steps == 0 && output->format != EBNN_INT32) || (output->format == EBNN_BITS && layer->steps != 1) ||
        (output->format == EBNN_TRITS && layer->steps != 2)) {
        return "the output's format does not fit the number of thresholds";
    }
    input_bytes = (uint64_t)layer->input.height * layer->input.width *
                  (layer->input.pixel_words != 0 ? 4 * layer->input.pixel_words
                                                 : layer->input.channels * layer->input.element_bytes);
    output_bytes = (uint64_t)output->height * output->width *
                   (output->pixel_words != 0 ? 4 * output->pixel_words : output->channels * output->element_bytes);
    if (output->bytes < input + input_bytes && input < output->bytes + output_bytes) {
        return "the output overlaps the input";
    }
    return NULL;
}

static const char *decode_banks(ebnn_macro_model *macro, ebnn_macro_layer *layer)
{
    const uint32_t *registers = macro->registers;
    const uint32_t neurons = layer->output.channels;
    const uint32_t blocks = (neurons - 1) / macro->rows + 1;
    const uint8_t expected = layer->ternary ? EBNN_ROW_TERNARY : EBNN_ROW_BINARY;

    layer->banks = table(macro, registers[EBNN_ROLE_BANK_TABLE], (uint64_t)blocks * layer->spanned_banks * 2);
    if (layer->banks == NULL) {
        return "the bank table lies in no memory";
    }
    for (uint32_t neuron = 0; neuron < neurons; neuron++) {
        const size_t first = (size_t)(neuron / macro->rows) * layer->spanned_banks;

        for (uint32_t word = 0; word < layer->row_words; word++) {
            const uint32_t bank = ebnn_emulated_load(layer->banks + 2 * (first + word / macro->bank_words), 2);
            const size_t stripe = (size_t)bank * macro->bank_words + word % macro->bank_words;

            if (bank >= macro->banks) {
                return "the bank table names a bank that the array does not have";
            }
            if (macro->state[stripe * macro->rows + neuron % macro->rows] != expected) {
                return "a layer reads a row that was not programmed, or for another kind of weights";
            }
        }
    }
    return NULL;
}

static const char *decode_steps(ebnn_macro_model *macro, ebnn_macro_layer *layer)
{
    const uint32_t *registers = macro->registers;
    const uint64_t neurons = layer->output.channels;

    layer->low = (int32_t)registers[EBNN_ROLE_OUTPUT_LOW];
    layer->step = (int32_t)registers[EBNN_ROLE_OUTPUT_STEP];
    layer->thresholds = NULL;
    layer->directions = NULL;
    if (layer->steps == 0) {
        return NULL;
    }
    layer->thresholds = table(macro, registers[EBNN_ROLE_THRESHOLD_ADDRESS], 4 * neurons * layer->steps);
    if (layer->thresholds == NULL) {
        return "the thresholds lie in no memory";
    }
    if (registers[EBNN_ROLE_DIRECTION_ADDRESS] != 0) {
        layer->directions = table(macro, registers[EBNN_ROLE_DIRECTION_ADDRESS], 4 * (uint64_t)words_of(neurons));
        if (layer->directions == NULL) {
            return "the direction bits lie in no memory";
        }
    }
    return NULL;
}

static uint32_t largest_of(const uint8_t *halves, uint32_t count)
{
    uint32_t largest = 0;

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t value = ebnn_emulated_load(halves + 2 * (size_t)i, 2);

        largest = value > largest ? value : largest;
    }
    return largest;
}

static const char *decode_border(ebnn_macro_model *macro, ebnn_macro_layer *layer)
{
    const uint32_t *registers = macro->registers;
    const uint32_t extents[2] = {layer->output.height, layer->output.width};
    const uint32_t addresses[2] = {registers[EBNN_ROLE_BORDER_ROWS], registers[EBNN_ROLE_BORDER_COLUMNS]};
    uint64_t zones = 1;

    layer->starts = NULL;
    layer->shift = 0;
    if (registers[EBNN_ROLE_BORDER_START] == 0) {
        return NULL;
    }
    for (int axis = 0; axis < 2; axis++) {
        layer->zones[axis] = table(macro, addresses[axis], 2 * (uint64_t)extents[axis]);
        if (layer->zones[axis] == NULL) {
            return "the zones of the border lie in no memory";
        }
        zones += largest_of(layer->zones[axis], extents[axis]);
    }
    layer->shift = registers[EBNN_ROLE_BORDER_SHIFT];
    if (layer->shift >= 32) {
        return "the sums of the border are shifted out";
    }
    layer->starts = table(macro, registers[EBNN_ROLE_BORDER_START], 4 * zones * layer->output.channels);
    return layer->starts == NULL ? "what the sums start from lies in no memory" : NULL;
}

const char *ebnn_macro_decode(ebnn_macro_model *macro, ebnn_macro_layer *layer)
{
    const uint32_t *registers = macro->registers;
    uint64_t taps, most_words, reads, words;

    layer->pad_value = (int32_t)registers[EBNN_ROLE_PAD_VALUE];
    layer->groups = registers[EBNN_ROLE_GROUPS];
    layer->row_words = registers[EBNN_ROLE_ROW_WORDS];
    layer->ternary = registers[EBNN_ROLE_TERNARY] != 0;
    TRY(decode_window(registers, layer));
    TRY(decode_input(macro, layer));
    TRY(decode_output(macro, layer));
    if (layer->groups == 0 || layer->input.channels % layer->groups != 0 ||
        layer->output.channels % layer->groups != 0) {
        return "the groups do not divide the channels";
    }
    layer->group_channels = layer->input.channels / layer->groups;
    layer->group_neurons = layer->output.channels / layer->groups;
    taps = (uint64_t)layer->kernel[0] * layer->kernel[1];
    most_words = (uint64_t)macro->parallel_banks * macro->bank_words;
    if (layer->row_words == 0 || layer->row_words > most_words || taps > 32 * most_words ||
        words_of(taps * layer->group_channels) != layer->row_words) {
        return "the rows are not as long as the fan-in, or longer than the array can add up";
    }
    layer->spanned_banks = (layer->row_words - 1) / macro->bank_words + 1;
    words = (uint64_t)layer->spanned_banks * macro->bank_words * layer->planes;
    /* Bounded factor by factor: pixels and neurons by SRAM, words by parallel_banks (below 2^16), planes by 32. */
    reads = (uint64_t)layer->output.height * layer->output.width;
    if (reads > macro->popcount_limit || layer->output.channels > macro->popcount_limit ||
        reads * layer->output.channels > macro->popcount_limit / words ||
        macro->events->popcounts + reads * layer->output.channels * words > macro->popcount_limit) {
        return "the layers read more bank rows than the deployment's plan";
    }
    TRY(decode_banks(macro, layer));
    TRY(decode_border(macro, layer));
    return decode_steps(macro, layer);
}
