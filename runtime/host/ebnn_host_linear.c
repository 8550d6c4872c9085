/*
 * ebnn_host_linear.c: a layer of dot products over a batch, in blocks of vectors.
 *
 * The inputs of a block of output pixels are coded as vectors, multiplied with all panels (so that weights are read once
 * a block, not once a vector), put through the step function and written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_linear.h"

#include "ebnn_host_block.h"
#include "ebnn_host_codes.h"
#include "ebnn_writer.h"

/* Of few vectors the sums stay in the caches too. */
#define MAX_VECTORS 16
#define MIN_VECTORS 4
/* A block's vectors stay within half of a usual first-level cache. */
#define VECTOR_BYTES 16384

/* Where the parts of the scratch lie, in bytes: sums, the gathered words of a window, all vectors, a map. */
typedef struct scratch_plan {
    ebnn_code_plan codes;
    size_t vectors; /* in a block */
    size_t sums;
    size_t words;
    size_t coded;
} scratch_plan;

static scratch_plan plan_scratch(const ebnn_linear_layer *layer)
{
    scratch_plan plan;
    size_t stride;

    plan.codes = ebnn_plan_codes(layer);
    stride = plan.codes.vector_bytes * layer->groups;
    plan.vectors = VECTOR_BYTES / (stride == 0 ? 1 : stride);
    plan.vectors = plan.vectors > MAX_VECTORS ? MAX_VECTORS : plan.vectors;
    plan.vectors = plan.vectors < MIN_VECTORS ? MIN_VECTORS : plan.vectors;
    plan.sums = 4 * plan.vectors * layer->output.channels;
    plan.words = plan.codes.map_bytes == 0 ? 4 * (size_t)ebnn_linear_scratch_words(layer) : 0;
    plan.coded = plan.vectors * stride;
    return plan;
}

size_t ebnn_host_linear_scratch_bytes(const ebnn_linear_layer *layer)
{
    const scratch_plan plan = plan_scratch(layer);

    return plan.sums + plan.words + plan.coded + plan.codes.map_bytes;
}

/* A block at work. */
typedef struct block_of_vectors {
    const ebnn_panels_layer *panels;
    const ebnn_kernel *kernel;
    ebnn_host_block at;
    scratch_plan plan;
    uint32_t *words;
    uint8_t *coded; /* group after group, vector after vector */
    uint8_t *map;
} block_of_vectors;

/* A product of one counts for 2^shift in the sums. */
static uint32_t shift_of(const ebnn_linear_layer *layer)
{
    return layer->border != NULL ? layer->border->shift : 0;
}

static uint32_t one_of(const ebnn_linear_layer *layer)
{
    return UINT32_C(1) << shift_of(layer);
}

/*
 * What a vector's sums start from: `value`, what the border asks for, and less the 2^`added` that were added to each input
 * of a signed format; from 2^32 on that is nothing.
 */
static void start_sums(const ebnn_panels_layer *panels, const int32_t *starts, uint32_t value, uint32_t added,
                       uint32_t *sums, uint32_t first, uint32_t count)
{
    if (panels->totals != NULL && added < 32) {
        for (uint32_t i = first; i < first + count; i++) {
            sums[i] = value - (panels->totals[i] << added);
        }
    } else {
        for (uint32_t i = first; i < first + count; i++) {
            sums[i] = value;
        }
    }
    for (uint32_t i = first; i < first + count && starts != NULL; i++) {
        sums[i] += (uint32_t)starts[i];
    }
}

/* The vectors of all groups, and what their sums start from. */
static void code_block(const block_of_vectors *work, ebnn_host_series source)
{
    const ebnn_panels_layer *panels = work->panels;
    const ebnn_linear_layer *layer = &panels->layer;
    const ebnn_code_plan *plan = &work->plan.codes;
    const uint32_t width = layer->output.width, channels = layer->output.channels, rows = channels / layer->groups;
    const uint32_t shift = shift_of(layer), one = UINT32_C(1) << shift;
    /* a dot product is the inputs that count less twice those unlike, or twice the chosen values less all */
    const uint32_t once = panels->minus != NULL ? 0 : ebnn_is_packed(layer->input.format) ? one : 0 - one;
    /* 128 were added to the highest byte */
    const uint32_t added = 8 * plan->planes - 1 + shift;

    for (size_t i = 0; i < work->at.count; i++) {
        const uint8_t *sample = source.first + ebnn_block_sample(&work->at, i) * source.stride;
        const uint32_t pixel = ebnn_block_pixel(&work->at, i), row = pixel / width, column = pixel % width;
        const int32_t *starts = ebnn_starts_at(layer->border, channels, row, column);
        uint32_t *sums = work->at.sums + i * work->at.sums_stride;

        if (plan->map_bytes != 0 && pixel == 0) {
            ebnn_code_map(layer, sample, work->map);
        }
        for (uint32_t group = 0; group < layer->groups; group++) {
            uint8_t *codes = work->coded + (group * work->plan.vectors + i) * plan->vector_bytes;
            const uint32_t total =
                once * ebnn_code_window(layer, plan, sample, work->map, group, row, column, work->words, codes);

            start_sums(panels, starts, total, added, sums, group * rows, rows);
        }
    }
}

/* The panels of a group, as bytes behind those of all weights. */
static size_t group_offset(const ebnn_linear_layer *layer, uint32_t group)
{
    const size_t panels = (layer->output.channels / layer->groups + EBNN_PANEL_ROWS - 1) / EBNN_PANEL_ROWS;

    return group * panels * EBNN_PANEL_ROWS * layer->row_words * 4;
}

static void add_bits(const block_of_vectors *work, uint32_t group)
{
    const ebnn_panels_layer *panels = work->panels;
    const ebnn_linear_layer *layer = &panels->layer;
    const size_t offset = group_offset(layer, group);
    ebnn_bit_panels bits;

    bits.plus = panels->plus + offset;
    bits.minus = panels->minus != NULL ? panels->minus + offset : NULL;
    bits.rows = layer->output.channels / layer->groups;
    bits.octets = layer->row_words * 4;
    bits.codes = work->coded + group * work->plan.vectors * work->plan.codes.vector_bytes;
    bits.codes_stride = work->plan.codes.vector_bytes;
    bits.vectors = work->at.count;
    bits.factor = one_of(layer);
    bits.sums = work->at.sums + group * bits.rows;
    bits.sums_stride = work->at.sums_stride;
    if (panels->minus != NULL) {
        work->kernel->add_products(&bits);
    } else {
        bits.factor *= 0U - 2U;
        work->kernel->add_unlike(&bits);
    }
}

static void add_bytes(const block_of_vectors *work, uint32_t group)
{
    const ebnn_panels_layer *panels = work->panels;
    const ebnn_linear_layer *layer = &panels->layer;
    const size_t offset = group_offset(layer, group);
    ebnn_byte_panels bytes;

    bytes.plus = panels->plus + offset;
    bytes.minus = panels->minus != NULL ? panels->minus + offset : NULL;
    bytes.rows = layer->output.channels / layer->groups;
    bytes.octets = layer->row_words * 4;
    bytes.values = work->coded + group * work->plan.vectors * work->plan.codes.vector_bytes;
    bytes.values_stride = work->plan.codes.vector_bytes;
    bytes.vectors = work->at.count;
    bytes.factor = one_of(layer) * (panels->minus != NULL ? 1 : 2);
    bytes.sums = work->at.sums + group * bytes.rows;
    bytes.sums_stride = work->at.sums_stride;
    for (uint32_t plane = 0; plane < work->plan.codes.planes; plane++) {
        work->kernel->add_bytes(&bytes);
        bytes.values += work->plan.codes.plane_bytes;
        bytes.factor <<= 8;
    }
}

static void add_group(const block_of_vectors *work, uint32_t group)
{
    if (ebnn_is_packed(work->panels->layer.input.format)) {
        add_bits(work, group);
    } else {
        add_bytes(work, group);
    }
}

int32_t ebnn_host_linear(const ebnn_panels_layer *panels, ebnn_host_series source, ebnn_host_series target,
                         size_t batch, const ebnn_kernel *kernel, void *scratch)
{
    const ebnn_linear_layer *layer = &panels->layer;
    const int32_t status = ebnn_check_linear(layer);
    block_of_vectors work;

    if (status != EBNN_OK) {
        return status;
    }
    work.panels = panels;
    work.kernel = kernel;
    work.plan = plan_scratch(layer);
    work.words = (uint32_t *)(void *)((uint8_t *)scratch + work.plan.sums);
    work.coded = (uint8_t *)scratch + work.plan.sums + work.plan.words;
    work.map = work.coded + work.plan.coded;
    work.at = ebnn_first_block(layer, target, batch, work.plan.vectors, (uint32_t *)scratch);
    for (; work.at.sample < batch; ebnn_next_block(&work.at, target, batch, work.plan.vectors)) {
        code_block(&work, source);
        for (uint32_t group = 0; group < layer->groups; group++) {
            add_group(&work, group);
        }
        ebnn_write_block(&work.at, target, kernel);
    }
    return EBNN_OK;
}
