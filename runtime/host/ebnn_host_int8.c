/*
 * ebnn_host_int8.c: a layer of 8-bit weights over a batch, in blocks of vectors.
 *
 * As in ebnn_host_linear.c the vectors of all output pixels of all samples form one long series. A row of weights is
 * widened to 16 bits once for a block, so that both sides of a product are what a processor's multiply-and-add of pairs
 * takes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_linear.h"

#include <string.h>

#include "ebnn_depthwise.h"
#include "ebnn_patch.h"
#include "ebnn_writer.h"

#define MAX_VECTORS 64
#define MIN_VECTORS 4
/* A block's gathered vectors stay within half of a usual first-level cache. */
#define VECTOR_BYTES 16384
/* Vectors and rows are padded with zeros to whole registers of so many values. */
#define REGISTER_VALUES ((size_t)16)

/* Where the parts of the scratch lie, in bytes behind one another: sums, vectors, a row. */
typedef struct scratch_plan {
    size_t vectors; /* in a block */
    size_t stride;  /* values of one vector */
    size_t sums;    /* of all vectors */
} scratch_plan;

/* Whether samples go one by one: neurons of one channel share nothing, and few layers have inputs of 32 bits. */
static bool runs_alone(const ebnn_int8_layer *layer)
{
    return ebnn_is_depthwise(layer) || ebnn_is_wide(layer);
}

static scratch_plan plan_scratch(const ebnn_int8_layer *layer)
{
    scratch_plan plan;

    plan.stride = ((size_t)ebnn_fan_in(layer) + REGISTER_VALUES - 1) / REGISTER_VALUES * REGISTER_VALUES;
    plan.vectors = VECTOR_BYTES / 2 / (plan.stride == 0 ? 1 : plan.stride);
    plan.vectors = plan.vectors > MAX_VECTORS ? MAX_VECTORS : plan.vectors;
    plan.vectors = plan.vectors < MIN_VECTORS ? MIN_VECTORS : plan.vectors;
    plan.sums = plan.vectors * layer->output.channels;
    return plan;
}

size_t ebnn_host_int8_scratch_bytes(const ebnn_int8_layer *layer)
{
    const scratch_plan plan = plan_scratch(layer);

    if (runs_alone(layer)) {
        return 4 * (size_t)ebnn_int8_scratch_words(layer);
    }
    return 4 * plan.sums + 2 * (plan.vectors + 1) * plan.stride;
}

/* A block at work: vectors `first` to `first + count` of the series. */
typedef struct block_of_vectors {
    const ebnn_int8_layer *layer;
    const ebnn_kernel *kernel;
    size_t first;
    size_t count;
    scratch_plan plan;
    uint32_t *sums;
    uint16_t *vectors;
    int16_t *row;
} block_of_vectors;

/* Plain binary values would not fit int16: they are gathered less half of their range, which the row's sum makes good. */
#define HALF_RANGE UINT32_C(0x8000)

static void gather_block(const block_of_vectors *work, ebnn_host_series source, uint32_t group)
{
    const ebnn_int8_layer *layer = work->layer;
    const uint32_t width = layer->output.width;
    const size_t pixels = (size_t)layer->output.height * width;
    const uint32_t count = ebnn_fan_in(layer);

    for (size_t i = 0; i < work->count; i++) {
        const size_t sample = (work->first + i) / pixels;
        const uint32_t pixel = (uint32_t)((work->first + i) % pixels);
        uint16_t *vector = work->vectors + i * work->plan.stride;

        ebnn_gather_values(layer, source.first + sample * source.stride, group, pixel / width, pixel % width, 0,
                           vector);
        if (layer->input.format == EBNN_UINT16) {
            for (uint32_t k = 0; k < count; k++) {
                vector[k] = (uint16_t)(vector[k] ^ HALF_RANGE);
            }
        }
    }
}

static void add_group(const block_of_vectors *work, ebnn_host_series source, uint32_t group)
{
    const ebnn_int8_layer *layer = work->layer;
    const uint32_t count = ebnn_fan_in(layer);
    const size_t neurons = layer->output.channels / layer->groups;

    gather_block(work, source, group);
    for (size_t neuron = group * neurons; neuron < (group + 1) * neurons; neuron++) {
        const int8_t *weights = layer->weights + neuron * count;
        uint32_t total = 0;

        for (uint32_t k = 0; k < count; k++) {
            const uint32_t weight = (uint32_t)weights[k];

            work->row[k] = weights[k];
            total += weight;
        }
        work->kernel->dot_values(work->row, (const int16_t *)work->vectors, work->plan.stride, work->count,
                                 work->sums + neuron, layer->output.channels);
        if (layer->input.format == EBNN_UINT16) {
            for (size_t i = 0; i < work->count; i++) {
                work->sums[i * layer->output.channels + neuron] += total * HALF_RANGE;
            }
        }
    }
}

static void write_block(const block_of_vectors *work, ebnn_host_series target)
{
    const ebnn_tensor *output = &work->layer->output;
    const size_t pixels = (size_t)output->height * output->width;

    for (size_t i = 0; i < work->count; i++) {
        const uint32_t pixel = (uint32_t)((work->first + i) % pixels);
        uint8_t *data = target.first + (work->first + i) / pixels * target.stride;
        const uint32_t *sums = work->sums + i * output->channels;
        ebnn_writer writer = ebnn_sum_writer_at(output, &work->layer->steps, work->layer->border, data,
                                                pixel / output->width, pixel % output->width);

        for (uint32_t channel = 0; channel < output->channels; channel++) {
            ebnn_write_sum(&writer, sums[channel]);
        }
    }
}

static int32_t run_alone(const ebnn_int8_layer *layer, ebnn_host_series source, ebnn_host_series target, size_t batch,
                         uint32_t *scratch)
{
    for (size_t sample = 0; sample < batch; sample++) {
        const int32_t status =
            ebnn_int8(layer, source.first + sample * source.stride, target.first + sample * target.stride, scratch);

        if (status != EBNN_OK) {
            return status;
        }
    }
    return EBNN_OK;
}

int32_t ebnn_host_int8(const ebnn_int8_layer *layer, ebnn_host_series source, ebnn_host_series target, size_t batch,
                       const ebnn_kernel *kernel, void *scratch)
{
    const int32_t status = ebnn_check_int8(layer);
    const size_t vectors = batch * layer->output.height * layer->output.width;
    block_of_vectors work;

    if (status != EBNN_OK) {
        return status;
    }
    if (runs_alone(layer)) {
        return run_alone(layer, source, target, batch, (uint32_t *)scratch);
    }
    work.layer = layer;
    work.kernel = kernel;
    work.plan = plan_scratch(layer);
    work.sums = (uint32_t *)scratch;
    work.vectors = (uint16_t *)(work.sums + work.plan.sums);
    work.row = (int16_t *)(work.vectors + work.plan.vectors * work.plan.stride);
    memset(work.vectors, 0, 2 * (work.plan.vectors + 1) * work.plan.stride);
    for (work.first = 0; work.first < vectors; work.first += work.count) {
        const size_t left = vectors - work.first;

        work.count = left < work.plan.vectors ? left : work.plan.vectors;
        for (uint32_t group = 0; group < layer->groups; group++) {
            add_group(&work, source, group);
        }
        write_block(&work, target);
    }
    return EBNN_OK;
}
