/*
 * ebnn_host_block.c: see ebnn_host_block.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_block.h"

#include "ebnn_writer.h"

static uint32_t pixels_of(const ebnn_linear_layer *layer)
{
    return layer->output.height * layer->output.width;
}

/* Whether sums are the output as they are. */
static bool writes_sums(const ebnn_linear_layer *layer)
{
    return layer->steps.steps == 0;
}

/* How many vectors the block has, and where their sums lie if that is where they are wanted. */
static void measure(ebnn_host_block *block, ebnn_host_series target, size_t batch, size_t vectors)
{
    const uint32_t pixels = pixels_of(block->layer);
    const size_t left = pixels == 1 ? batch - block->sample : pixels - block->pixel;

    block->count = left < vectors ? left : vectors;
    if (block->in_place) {
        block->sums = (uint32_t *)(void *)(target.first + block->sample * target.stride);
    }
}

ebnn_host_block ebnn_first_block(const ebnn_linear_layer *layer, ebnn_host_series target, size_t batch, size_t vectors,
                                 uint32_t *scratch)
{
    ebnn_host_block block = {layer, 0, 0, 0, scratch, layer->output.channels, false};

    block.in_place = pixels_of(layer) == 1 && writes_sums(layer);
    if (block.in_place) {
        block.sums_stride = target.stride / 4;
    }
    measure(&block, target, batch, vectors);
    return block;
}

void ebnn_next_block(ebnn_host_block *block, ebnn_host_series target, size_t batch, size_t vectors)
{
    const uint32_t pixels = pixels_of(block->layer);

    if (pixels == 1) {
        block->sample += block->count;
    } else {
        block->pixel = (block->pixel + (uint32_t)block->count) % pixels;
        block->sample += block->pixel == 0 ? 1 : 0;
    }
    measure(block, target, batch, vectors);
}

size_t ebnn_block_sample(const ebnn_host_block *block, size_t vector)
{
    return pixels_of(block->layer) == 1 ? block->sample + vector : block->sample;
}

uint32_t ebnn_block_pixel(const ebnn_host_block *block, size_t vector)
{
    return pixels_of(block->layer) == 1 ? 0 : block->pixel + (uint32_t)vector;
}

/* Sums as they are, of a block that lies within one sample: channel after channel. */
static void write_sums(const ebnn_host_block *block, ebnn_host_series target)
{
    const size_t pixels = pixels_of(block->layer), channels = block->layer->output.channels;
    uint32_t *data = (uint32_t *)(void *)(target.first + block->sample * target.stride) + block->pixel;

    for (size_t channel = 0; channel < channels; channel++, data += pixels) {
        for (size_t i = 0; i < block->count; i++) {
            data[i] = block->sums[i * block->sums_stride + channel];
        }
    }
}

static void write_steps(const ebnn_host_block *block, ebnn_host_series target, const ebnn_kernel *kernel)
{
    const ebnn_linear_layer *layer = block->layer;
    const ebnn_tensor *output = &layer->output;
    const uint32_t channels = output->channels;

    for (size_t i = 0; i < block->count; i++) {
        const uint32_t pixel = ebnn_block_pixel(block, i);
        uint8_t *data = target.first + ebnn_block_sample(block, i) * target.stride;
        const uint32_t *sums = block->sums + i * block->sums_stride;

        if (output->format == EBNN_BITS) {
            uint32_t *words = (uint32_t *)(void *)data + (size_t)pixel * ebnn_words(channels);

            kernel->threshold_bits(&layer->steps, sums, channels, words);
        } else {
            ebnn_writer writer = ebnn_writer_at(output, &layer->steps, data, pixel);

            for (uint32_t channel = 0; channel < channels; channel++) {
                ebnn_write(&writer, (int32_t)sums[channel]);
            }
        }
    }
}

void ebnn_write_block(const ebnn_host_block *block, ebnn_host_series target, const ebnn_kernel *kernel)
{
    if (!writes_sums(block->layer)) {
        write_steps(block, target, kernel);
    } else if (!block->in_place) {
        write_sums(block, target);
    }
}
