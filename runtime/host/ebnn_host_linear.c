/*
 * ebnn_host_linear.c: a layer of dot products over a batch, in blocks of vectors.
 *
 * The vectors of all output pixels of all samples form one long series. A block of them is gathered, multiplied with
 * all rows (so that weights are read once a block, not once a vector), put through the step function and written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_linear.h"

#include <string.h>

#include "ebnn_gather.h"
#include "ebnn_writer.h"

#define MAX_VECTORS 64
#define MIN_VECTORS 4
/* A block's gathered vectors stay within half of a usual first-level cache. */
#define VECTOR_BYTES 16384

/* Where the parts of the scratch lie, in words. */
typedef struct scratch_plan {
    size_t vectors;  /* in a block */
    size_t stride;   /* words of one vector: its planes and its mask */
    size_t gathered; /* words of all vectors */
    size_t ones;     /* words of the vector that elements' planes are compared with */
    size_t sums;     /* words of all sums */
} scratch_plan;

static scratch_plan plan_scratch(const ebnn_linear_layer *layer)
{
    scratch_plan plan;

    plan.stride = ebnn_linear_scratch_words(layer);
    plan.vectors = VECTOR_BYTES / 4 / (plan.stride == 0 ? 1 : plan.stride);
    plan.vectors = plan.vectors > MAX_VECTORS ? MAX_VECTORS : plan.vectors;
    plan.vectors = plan.vectors < MIN_VECTORS ? MIN_VECTORS : plan.vectors;
    plan.gathered = plan.vectors * plan.stride;
    plan.ones = ebnn_is_packed(layer->input.format) ? 0 : layer->row_words;
    plan.sums = plan.vectors * layer->output.channels;
    return plan;
}

size_t ebnn_host_linear_scratch_bytes(const ebnn_linear_layer *layer)
{
    const scratch_plan plan = plan_scratch(layer);

    return 4 * (plan.gathered + plan.ones + plan.sums);
}

static uint32_t count_ones(const uint32_t *vector, uint32_t words)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < words; i++) {
        count += ebnn_popcount(vector[i]);
    }
    return count;
}

/* A block at work: vectors `first` to `first + count` of the series. */
typedef struct block_of_vectors {
    const ebnn_linear_layer *layer;
    const ebnn_kernel *kernel;
    size_t first;
    size_t count;
    scratch_plan plan;
    uint32_t *gathered;
    uint32_t *ones;
    uint32_t *sums;
} block_of_vectors;

static void add_group(const block_of_vectors *work, ebnn_host_series source, uint32_t group)
{
    const ebnn_linear_layer *layer = work->layer;
    const ebnn_tensor *input = &layer->input;
    const bool packed = ebnn_is_packed(input->format);
    const uint32_t words = layer->row_words;
    const uint32_t width = layer->output.width;
    const size_t pixels = (size_t)layer->output.height * width;
    const size_t rows = layer->output.channels / layer->groups;
    const uint32_t shift = layer->border != NULL ? layer->border->shift : 0;
    uint32_t counting[MAX_VECTORS];
    bool whole = packed;
    ebnn_block block;

    for (size_t i = 0; i < work->count; i++) {
        const size_t sample = (work->first + i) / pixels;
        const uint32_t pixel = (uint32_t)((work->first + i) % pixels);
        const ebnn_gathered gathered = ebnn_gather(layer, source.first + sample * source.stride, group, pixel / width,
                                                   pixel % width, work->gathered + i * work->plan.stride);

        counting[i] = gathered.total;
        whole = whole && gathered.whole;
    }
    block.sign = layer->sign + group * rows * words;
    block.nonzero = layer->nonzero != NULL ? layer->nonzero + group * rows * words : NULL;
    block.values = packed ? work->gathered : work->ones;
    block.values_stride = packed ? work->plan.stride : 0;
    block.mask_stride = work->plan.stride;
    block.counting = counting;
    block.rows = rows;
    block.vectors = work->count;
    block.words = words;
    block.sums = work->sums + group * rows;
    block.sums_stride = layer->output.channels;
    for (uint32_t plane = 0; plane < input->planes; plane++) {
        const bool negative = plane + 1 == input->planes && ebnn_is_signed(input->format);

        /* a plane of elements is a mask over inputs of +1 */
        block.mask = work->gathered + (packed ? words : plane * words);
        if (!packed) {
            for (size_t i = 0; i < work->count; i++) {
                counting[i] = count_ones(block.mask + i * work->plan.stride, words);
            }
        } else if (whole && layer->nonzero == NULL) {
            block.mask = NULL;
        }
        block.weight = (negative ? 0 - (UINT32_C(1) << plane) : UINT32_C(1) << plane) << shift;
        work->kernel->add_dots(&block);
    }
}

/* Every sum of the block at what it starts from. */
static void start_sums(const block_of_vectors *work)
{
    const ebnn_tensor *output = &work->layer->output;
    const size_t pixels = (size_t)output->height * output->width, bytes = (size_t)output->channels * 4;

    if (work->layer->border == NULL) {
        memset(work->sums, 0, work->count * bytes);
        return;
    }
    for (size_t i = 0; i < work->count; i++) {
        const uint32_t pixel = (uint32_t)((work->first + i) % pixels);
        const int32_t *starts =
            ebnn_starts_at(work->layer->border, output->channels, pixel / output->width, pixel % output->width);

        memcpy(work->sums + i * output->channels, starts, bytes);
    }
}

static void write_block(const block_of_vectors *work, ebnn_host_series target)
{
    const ebnn_linear_layer *layer = work->layer;
    const ebnn_tensor *output = &layer->output;
    const size_t pixels = (size_t)output->height * output->width;
    const uint32_t channels = output->channels;

    for (size_t i = 0; i < work->count; i++) {
        const uint32_t pixel = (uint32_t)((work->first + i) % pixels);
        uint8_t *data = target.first + (work->first + i) / pixels * target.stride;
        const uint32_t *sums = work->sums + i * channels;

        if (output->format == EBNN_BITS) {
            uint32_t *words = (uint32_t *)(void *)data + (size_t)pixel * ebnn_words(channels);

            work->kernel->threshold_bits(&layer->steps, sums, channels, words);
        } else if (pixels == 1 && layer->steps.steps == 0) {
            memcpy(data, sums, (size_t)channels * 4);
        } else {
            ebnn_writer writer = ebnn_writer_at(output, &layer->steps, data, pixel);

            for (uint32_t channel = 0; channel < channels; channel++) {
                ebnn_write(&writer, (int32_t)sums[channel]);
            }
        }
    }
}

int32_t ebnn_host_linear(const ebnn_linear_layer *layer, ebnn_host_series source, ebnn_host_series target, size_t batch,
                         const ebnn_kernel *kernel, void *scratch)
{
    const int32_t status = ebnn_check_linear(layer);
    const size_t vectors = batch * layer->output.height * layer->output.width;
    block_of_vectors work;

    if (status != EBNN_OK) {
        return status;
    }
    work.layer = layer;
    work.kernel = layer->row_words % kernel->word_multiple == 0 ? kernel : &ebnn_kernel_portable;
    work.plan = plan_scratch(layer);
    work.gathered = (uint32_t *)scratch;
    work.ones = work.gathered + work.plan.gathered;
    work.sums = work.ones + work.plan.ones;
    memset(work.ones, 0xFF, work.plan.ones * 4);
    for (work.first = 0; work.first < vectors; work.first += work.count) {
        const size_t left = vectors - work.first;

        work.count = left < work.plan.vectors ? left : work.plan.vectors;
        start_sums(&work);
        for (uint32_t group = 0; group < layer->groups; group++) {
            add_group(&work, source, group);
        }
        write_block(&work, target);
    }
    return EBNN_OK;
}
