/*
 * ebnn_host_sensed.c: a layer on a chip with errors, read after read: pixel by pixel, plane by plane, word by word.
 *
 * A stripe is read for all of its neurons at once, since they have the same inputs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_sensed.h"

#include <string.h>

#include "ebnn_gather.h"
#include "ebnn_hold.h"
#include "ebnn_writer.h"

/* One output pixel of one sample at work. */
typedef struct sensed_pixel {
    const ebnn_linear_layer *layer;
    const ebnn_sensing *sensing;
    const uint16_t *banks;
    ebnn_philox_kernel *philox;
    uint64_t inference;
    uint32_t pixel;
    uint32_t *gathered; /* planes and mask of a group's inputs */
    uint32_t *sums;     /* of all neurons */
} sensed_pixel;

/* Stripes that hold the layer: for each block of neurons as many as a row has words. */
static uint32_t count_stripes(const ebnn_sensed_layer *sensed)
{
    const uint32_t rows = sensed->sensing->rows;

    return (sensed->layer.output.channels + rows - 1) / rows * sensed->layer.row_words;
}

/* Whether it pays to read each row once an inference, with either input, and to hold the answers. */
static bool is_held(const ebnn_sensed_layer *sensed)
{
    const ebnn_linear_layer *layer = &sensed->layer;
    const uint64_t reads = (uint64_t)layer->output.height * layer->output.width * layer->input.planes;

    return sensed->sensing->each_read == 0 && reads > 2;
}

size_t ebnn_host_sensed_scratch_bytes(const ebnn_sensed_layer *sensed)
{
    const size_t held = is_held(sensed) ? ebnn_hold_words(count_stripes(sensed), sensed->sensing->rows) : 0;

    return 4 * ((size_t)ebnn_linear_scratch_words(&sensed->layer) + sensed->layer.output.channels + held);
}

/* One plane of the inputs of at most EBNN_SENSE_ROWS neurons from `neuron` on, of the same banks, times `weight`. */
static void add_plane(const sensed_pixel *at, uint32_t neuron, uint32_t count, uint32_t plane, uint32_t weight)
{
    const ebnn_linear_layer *layer = at->layer;
    const uint32_t words = layer->row_words, rows = at->sensing->rows, bank_words = at->sensing->bank_words;
    const bool packed = ebnn_is_packed(layer->input.format);
    const uint16_t *banks = at->banks + (size_t)(neuron / rows) * ((words - 1) / bank_words + 1);
    /* a plane of elements is a mask over inputs of +1 */
    const uint32_t *mask = at->gathered + (size_t)(packed ? 1 : plane) * words;
    uint32_t sign[EBNN_SENSE_ROWS], nonzero[EBNN_SENSE_ROWS];
    ebnn_sense_read read = {at->inference, at->pixel * layer->input.planes + plane, UINT32_MAX, 0};

    for (uint32_t word = 0; word < words; word++) {
        if (mask[word] == 0) {
            continue;
        }
        read.inputs = packed ? at->gathered[word] : UINT32_MAX;
        read.wanted = mask[word];
        ebnn_sense_rows(at->sensing, ebnn_stripe(banks, bank_words, word), neuron % rows, count, &read, at->philox,
                        sign, nonzero);
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t active = nonzero[i] & mask[word];
            const uint32_t alike = active & ~(sign[i] ^ read.inputs);

            at->sums[neuron + i] += weight * (2 * ebnn_popcount(alike) - ebnn_popcount(active));
        }
    }
}

/* All planes of the inputs of a group's neurons, in runs of neurons that share their banks. */
static void add_group(const sensed_pixel *at, uint32_t group)
{
    const ebnn_linear_layer *layer = at->layer;
    const uint32_t neurons = layer->output.channels / layer->groups, rows = at->sensing->rows;
    const uint32_t end = (group + 1) * neurons, planes = layer->input.planes;

    for (uint32_t neuron = group * neurons; neuron < end;) {
        const uint32_t there = rows - neuron % rows, left = end - neuron < there ? end - neuron : there;
        const uint32_t count = left < EBNN_SENSE_ROWS ? left : EBNN_SENSE_ROWS;

        for (uint32_t plane = 0; plane < planes; plane++) {
            const bool negative = plane + 1 == planes && ebnn_is_signed(layer->input.format);

            add_plane(at, neuron, count, plane, negative ? 0 - (UINT32_C(1) << plane) : UINT32_C(1) << plane);
        }
        neuron += count;
    }
}

static void write_pixel(const sensed_pixel *at, uint8_t *target)
{
    const ebnn_linear_layer *layer = at->layer;
    const uint32_t width = layer->output.width;
    ebnn_writer writer =
        ebnn_sum_writer_at(&layer->output, &layer->steps, layer->border, target, at->pixel / width, at->pixel % width);

    for (uint32_t channel = 0; channel < layer->output.channels; channel++) {
        ebnn_write_sum(&writer, at->sums[channel]);
    }
}

static void run_sample(sensed_pixel *at, const uint8_t *source, uint8_t *target)
{
    const ebnn_linear_layer *layer = at->layer;
    const uint32_t width = layer->output.width, pixels = layer->output.height * width;

    for (at->pixel = 0; at->pixel < pixels; at->pixel++) {
        memset(at->sums, 0, (size_t)layer->output.channels * 4);
        for (uint32_t group = 0; group < layer->groups; group++) {
            ebnn_gather(layer, source, group, at->pixel / width, at->pixel % width, at->gathered);
            add_group(at, group);
        }
        write_pixel(at, target);
    }
}

int32_t ebnn_host_sensed(const ebnn_sensed_layer *sensed, ebnn_host_series source, ebnn_host_series target,
                         size_t batch, uint64_t first_inference, const ebnn_kernel *kernel, void *scratch)
{
    const ebnn_linear_layer *layer = &sensed->layer;
    const int32_t status = ebnn_check_linear(layer);
    const bool holding = is_held(sensed);
    sensed_pixel at;
    ebnn_held held;

    if (status != EBNN_OK) {
        return status;
    }
    at.layer = layer;
    at.sensing = sensed->sensing;
    at.banks = layer->banks;
    at.philox = kernel->philox_rows;
    at.gathered = (uint32_t *)scratch;
    at.sums = at.gathered + ebnn_linear_scratch_words(layer);
    if (holding) {
        ebnn_hold_in(&held, at.sums + layer->output.channels, count_stripes(sensed), sensed->sensing->rows);
        at.sensing = &held.sensing;
        at.banks = held.banks;
    }
    for (size_t sample = 0; sample < batch; sample++) {
        at.inference = first_inference + sample;
        if (holding) {
            ebnn_hold(&held, sensed->sensing, layer->banks, layer->row_words, at.inference, at.philox);
        }
        run_sample(&at, source.first + sample * source.stride, target.first + sample * target.stride);
    }
    return EBNN_OK;
}
