/*
 * ebnn_host_int8.c: a layer of 8-bit weights over a batch, in blocks of vectors.
 *
 * As in ebnn_host_linear.c the vectors of all output pixels of all samples form one long series. Where the kernel
 * multiplies bytes, inputs of 8 bits are plain bytes; else they are widened to the 16 bits that a processor's
 * multiply-and-add of pairs takes.
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
/* A block's vectors stay within half of a usual first-level cache. */
#define VECTOR_BYTES 16384
/* Rows that are multiplied together. */
#define BLOCK_ROWS 8

/* How the scratch is shared out: sums, vectors, rows, and a vector as it is gathered. */
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

    plan.stride = ((size_t)ebnn_fan_in(layer) + EBNN_DOT_BYTES - 1) / EBNN_DOT_BYTES * EBNN_DOT_BYTES;
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
    return 4 * plan.sums + 2 * (plan.vectors + BLOCK_ROWS + 1) * plan.stride;
}

/* A block at work: vectors `first` to `first + count` of the series. */
typedef struct block_of_vectors {
    const ebnn_int8_layer *layer;
    const ebnn_kernel *kernel;
    size_t first;
    size_t count;
    scratch_plan plan;
    bool bytes;     /* whether vectors and rows are bytes, else 16 bits */
    uint32_t added; /* to each value, so that it fits; the sum of the row's weights makes it good */
    uint32_t *sums;
    void *vectors;
    int8_t *rows;
    uint16_t *gathered;
} block_of_vectors;

static void use_scratch(block_of_vectors *work, void *scratch)
{
    const size_t stride = 2 * work->plan.stride;
    uint8_t *at = (uint8_t *)scratch + 4 * work->plan.sums;

    memset(at, 0, (work->plan.vectors + BLOCK_ROWS + 1) * stride);
    work->sums = (uint32_t *)scratch;
    work->vectors = at;
    work->rows = (int8_t *)at + work->plan.vectors * stride;
    work->gathered = (uint16_t *)(void *)(at + (work->plan.vectors + BLOCK_ROWS) * stride);
}

/* Bytes are plain binary, 16 bits two's complement; what is neither yet is moved by half of its range. */
static void choose_width(block_of_vectors *work)
{
    const uint32_t format = work->layer->input.format;

    work->bytes = work->kernel->dot_bytes != NULL && format != EBNN_INT16 && format != EBNN_UINT16;
    if (work->bytes) {
        work->added = format == EBNN_UINT8 ? 0 : 128;
    } else {
        work->added = format == EBNN_UINT16 ? 0U - 0x8000U : 0;
    }
}

static void gather_block(const block_of_vectors *work, ebnn_host_series source, uint32_t group)
{
    const ebnn_int8_layer *layer = work->layer;
    const uint32_t width = layer->output.width;
    const size_t pixels = (size_t)layer->output.height * width;
    const uint32_t count = ebnn_fan_in(layer);

    for (size_t i = 0; i < work->count; i++) {
        const size_t sample = (work->first + i) / pixels;
        const uint32_t pixel = (uint32_t)((work->first + i) % pixels);
        const uint8_t *input = source.first + sample * source.stride;
        uint8_t *bytes = (uint8_t *)work->vectors + i * work->plan.stride;
        uint16_t *values = work->bytes ? work->gathered : (uint16_t *)work->vectors + i * work->plan.stride;

        ebnn_gather_values(layer, input, group, pixel / width, pixel % width, 0, values);
        for (uint32_t k = 0; k < count && work->added != 0; k++) {
            values[k] = (uint16_t)(values[k] + work->added);
        }
        for (uint32_t k = 0; k < count && work->bytes; k++) {
            bytes[k] = (uint8_t)values[k];
        }
    }
}

/* Sums of vectors that were moved as if they had not been. */
static void move_back(const block_of_vectors *work, const int8_t *weights, size_t count, uint32_t *sums)
{
    const size_t fan_in = ebnn_fan_in(work->layer);

    for (size_t row = 0; row < count; row++, weights += fan_in) {
        int32_t total = 0;

        for (size_t k = 0; k < fan_in; k++) {
            total += weights[k];
        }
        for (size_t i = 0; i < work->count; i++) {
            sums[i * work->layer->output.channels + row] -= work->added * (uint32_t)total;
        }
    }
}

/* Rows of weights, padded as the vectors are. */
static const int8_t *padded_rows(const block_of_vectors *work, const int8_t *weights, size_t count)
{
    const size_t fan_in = ebnn_fan_in(work->layer), stride = work->plan.stride;

    if (fan_in == stride) {
        return weights;
    }
    for (size_t row = 0; row < count; row++) {
        memcpy(work->rows + row * stride, weights + row * fan_in, fan_in);
    }
    return work->rows;
}

static void multiply(const block_of_vectors *work, const int8_t *rows, size_t count, uint32_t *sums)
{
    const size_t stride = work->plan.stride, channels = work->layer->output.channels;

    if (work->bytes) {
        const ebnn_byte_dots dots = {
            rows, (const uint8_t *)work->vectors, count, work->count, stride, sums, channels,
        };

        work->kernel->dot_bytes(&dots);
    } else {
        const ebnn_dots dots = {rows, (const int16_t *)work->vectors, count, work->count, stride, sums, channels};

        work->kernel->dot_values(&dots);
    }
}

static void add_group(const block_of_vectors *work, ebnn_host_series source, uint32_t group)
{
    const ebnn_int8_layer *layer = work->layer;
    const size_t neurons = layer->output.channels / layer->groups, end = (group + 1) * neurons;

    gather_block(work, source, group);
    for (size_t neuron = group * neurons; neuron < end; neuron += BLOCK_ROWS) {
        const size_t rows = end - neuron < BLOCK_ROWS ? end - neuron : BLOCK_ROWS;
        const int8_t *weights = layer->weights + neuron * ebnn_fan_in(layer);

        multiply(work, padded_rows(work, weights, rows), rows, work->sums + neuron);
        if (work->added != 0) {
            move_back(work, weights, rows, work->sums + neuron);
        }
    }
}

static void write_block(const block_of_vectors *work, ebnn_host_series target)
{
    const ebnn_int8_layer *layer = work->layer;
    const ebnn_tensor *output = &layer->output;
    const size_t pixels = (size_t)output->height * output->width;
    const bool plain = pixels == 1 && layer->steps.steps == 0 && layer->border == NULL;

    for (size_t i = 0; i < work->count && plain; i++) {
        memcpy(target.first + (work->first + i) * target.stride, work->sums + i * output->channels,
               4 * (size_t)output->channels);
    }
    for (size_t i = 0; i < work->count && !plain; i++) {
        const uint32_t pixel = (uint32_t)((work->first + i) % pixels);
        uint8_t *data = target.first + (work->first + i) / pixels * target.stride;
        const uint32_t *sums = work->sums + i * output->channels;
        ebnn_writer writer = ebnn_sum_writer_at(output, &layer->steps, layer->border, data, pixel / output->width,
                                                pixel % output->width);

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
    choose_width(&work);
    use_scratch(&work, scratch);
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
