/*
 * ebnn_host_sliced.c: a dense layer of bits by its difference from a known run: for each sample a list of the inputs that
 * changed, for all neurons counters and limits in bit slices.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_sliced.h"

#include <string.h>

#include "ebnn_fetch_ahead.h"
#include "ebnn_internal.h"
#include "ebnn_lowest_bit.h"
#include "ebnn_slicing.h"

/* A sample's list. */
typedef struct changed_inputs {
    uint32_t count;
    uint32_t blocks;
} changed_inputs;

/* A block at work: samples `first` to `first + count` of the known run. */
typedef struct sliced_block {
    const ebnn_sliced_layer *sliced;
    const ebnn_slicing_kernel *slicing;
    ebnn_sliced_shape shape;
    size_t first;
    size_t count;
    uint32_t *changes; /* (panel, sample of the known block, plane, words) */
    uint8_t *lowered;  /* a panel's limits */
    int8_t *added;     /* (neuron, sample of the known block) */
    uint16_t *places;  /* sample after sample */
    changed_inputs lists[EBNN_KNOWN_SAMPLES];
} sliced_block;

ebnn_sliced_shape ebnn_sliced_shape_of(const ebnn_sliced_layer *sliced)
{
    const ebnn_linear_layer *layer = &sliced->layer;
    ebnn_sliced_shape shape;

    shape.inputs = layer->input.channels;
    shape.input_words = ebnn_words(shape.inputs);
    shape.output_words = ebnn_words(layer->output.channels);
    shape.panels = (4 * shape.output_words + sliced->bytes - 1) / sliced->bytes;
    shape.row_words = shape.panels * sliced->bytes / 4;
    shape.panel_rows = 2 * shape.inputs * sliced->input_rows + 1;
    shape.limit_bytes = (sliced->planes + 1) * sliced->bytes;
    shape.near_bytes = (EBNN_NEAR_PLANES + 1) * sliced->bytes;
    shape.panel_changes = (size_t)sliced->change_planes * sliced->bytes / 4;
    shape.most_places = (size_t)shape.inputs * sliced->input_rows + EBNN_LISTED_BLOCK;
    return shape;
}

/* Words of the parts of scratch, in the order of `sliced_block`. */
static size_t changes_words(const ebnn_sliced_shape *shape)
{
    return shape->panels * EBNN_KNOWN_SAMPLES * shape->panel_changes;
}

static size_t added_words(const ebnn_sliced_shape *shape)
{
    return (size_t)shape->row_words * EBNN_SLICED_NEURONS * EBNN_KNOWN_SAMPLES / 4;
}

size_t ebnn_host_sliced_scratch_bytes(const ebnn_sliced_layer *sliced)
{
    const ebnn_sliced_shape shape = ebnn_sliced_shape_of(sliced);
    const size_t words = changes_words(&shape) + shape.limit_bytes / 4 + added_words(&shape);

    return 4 * words + EBNN_KNOWN_SAMPLES * shape.most_places * sizeof(uint16_t);
}

/* The inputs of a wrong weight so far ahead are fetched, where few are read, here and there. */
#define AHEAD 4

/* What wrong weights add with the known run's inputs, in slices. */
static void slice_changes(const sliced_block *at)
{
    const ebnn_sliced_layer *sliced = at->sliced;
    const ebnn_sliced_shape *shape = &at->shape;
    const size_t words = sliced->bytes / 4;
    const int8_t *inputs =
        sliced->columns + at->first / EBNN_KNOWN_SAMPLES * (size_t)shape->inputs * EBNN_KNOWN_SAMPLES;
    const bool few = sliced->wrong_count < shape->inputs;

    if (!few) { /* most inputs are read */
        ebnn_fetch_ahead(inputs, (size_t)shape->inputs * EBNN_KNOWN_SAMPLES);
    }
    memset(at->added, 0, 4 * added_words(shape));
    for (size_t first = 0, count; first < sliced->wrong_count; first += count) {
        const ebnn_wrong_weight *wrong = sliced->wrong + first;

        for (count = 1; first + count < sliced->wrong_count && wrong[count].neuron == wrong->neuron;) {
            count++;
        }
        if (few && first + AHEAD < sliced->wrong_count) {
            ebnn_fetch_ahead(inputs + (size_t)wrong[AHEAD].input * EBNN_KNOWN_SAMPLES, EBNN_KNOWN_SAMPLES);
        }
        at->slicing->correct(inputs, wrong, count, at->added + (size_t)wrong->neuron * EBNN_KNOWN_SAMPLES);
    }
    for (size_t word = 0; word < shape->row_words; word++) {
        uint32_t *panel = at->changes + word / words * EBNN_KNOWN_SAMPLES * shape->panel_changes;

        at->slicing->slice_changes(at->added + word * EBNN_SLICED_NEURONS * EBNN_KNOWN_SAMPLES, sliced->change_planes,
                                   panel + word % words, shape->panel_changes, words);
    }
}

/* The rows of the inputs that changed. */
static changed_inputs list_changed(const sliced_block *at, const uint32_t *now, const uint32_t *known, uint16_t *list)
{
    const uint32_t rows = at->sliced->input_rows;
    changed_inputs found = {0, 0};
    uint32_t listed = 0;

    for (uint32_t word = 0; word < at->shape.input_words; word++) {
        for (uint32_t changed = now[word] ^ known[word]; changed != 0; changed &= changed - 1) {
            const uint32_t bit = ebnn_lowest_bit(changed);
            const uint32_t place = 2 * (word * EBNN_WORD_BITS + bit) + (now[word] >> bit & 1);

            found.count++;
            for (uint32_t row = 0; row < rows; row++) {
                list[listed++] = (uint16_t)(place * rows + row);
            }
        }
    }
    for (; listed % EBNN_LISTED_BLOCK != 0; listed++) {
        list[listed] = (uint16_t)(at->shape.panel_rows - 1);
    }
    found.blocks = listed / EBNN_LISTED_BLOCK;
    return found;
}

/* A panel of one sample at work. */
typedef struct sample_panel {
    size_t i; /* of the block at work */
    size_t block;
    size_t sample; /* of the known block */
    uint32_t panel;
    const uint8_t *rows;
    const uint8_t *changes; /* NULL where nothing changes */
} sample_panel;

static void answer_near(const sliced_block *at, const sample_panel *of, uint8_t *answers)
{
    const ebnn_sliced_layer *sliced = at->sliced;
    const ebnn_sliced_shape *shape = &at->shape;
    const uint32_t count = at->lists[of->i].count;
    const ebnn_near_listing work = {
        .limits =
            sliced->near_limits + ebnn_sliced_limits_at(shape, of->block, of->panel, of->sample, shape->near_bytes),
        .changes = of->changes,
        .change_planes = of->changes == NULL ? 0 : sliced->change_planes,
        .bytes = sliced->bytes,
        .rows = of->rows,
        .places = at->places + of->i * shape->most_places,
        .count = (size_t)count * sliced->input_rows,
        .first = sliced->input_rows == 1 ? 2 : 1,
        .seed = 2 * EBNN_NEAR_MOST - 1 - 2 * count,
    };

    at->slicing->answer_near(&work, answers);
}

static void answer_far(const sliced_block *at, const sample_panel *of, const ebnn_kernel *kernel, uint8_t *answers)
{
    const ebnn_sliced_layer *sliced = at->sliced;
    const ebnn_sliced_shape *shape = &at->shape;
    const uint8_t *limits =
        sliced->limits + ebnn_sliced_limits_at(shape, of->block, of->panel, of->sample, shape->limit_bytes);
    ebnn_listing listing;

    if (of->changes != NULL) {
        const ebnn_sliced_limits work = {limits, of->changes, sliced->planes, sliced->change_planes, sliced->bytes};

        at->slicing->lower(&work, at->lowered);
        limits = at->lowered;
    }
    listing.rows = of->rows;
    listing.limits = limits;
    listing.places = at->places + of->i * shape->most_places;
    listing.blocks = at->lists[of->i].blocks;
    listing.seed = 2 * shape->inputs + 1 - 2 * at->lists[of->i].count;
    listing.first = sliced->input_rows == 1 ? 2 : 1;
    listing.planes = sliced->planes;
    listing.bytes = sliced->bytes;
    listing.answers = answers;
    kernel->answer(&listing);
}

/* A panel's neurons answer to one sample: by their near limits where no sum moves by as much as these hold. */
static void answer(const sliced_block *at, uint32_t panel, size_t i, const ebnn_kernel *kernel, uint8_t *target)
{
    const ebnn_sliced_layer *sliced = at->sliced;
    const ebnn_sliced_shape *shape = &at->shape;
    const size_t begin = (size_t)panel * sliced->bytes, left = 4 * (size_t)shape->output_words - begin;
    const size_t place = at->first + i, sample = place % EBNN_KNOWN_SAMPLES;
    const uint32_t *changes = at->changes + (panel * EBNN_KNOWN_SAMPLES + sample) * shape->panel_changes;
    const sample_panel of = {i,
                             place / EBNN_KNOWN_SAMPLES,
                             sample,
                             panel,
                             sliced->rows + (size_t)panel * shape->panel_rows * sliced->bytes,
                             sliced->wrong_count > 0 ? (const uint8_t *)changes : NULL};
    uint8_t answers[EBNN_MOST_LIST_BYTES];

    if (sliced->near_limits != NULL && 2 * at->lists[i].count + sliced->most_change < EBNN_NEAR_MOST - 1) {
        answer_near(at, &of, answers);
    } else {
        answer_far(at, &of, kernel, answers);
    }
    memcpy(target + begin, answers, left < sliced->bytes ? left : sliced->bytes);
}

static void run_block(sliced_block *at, ebnn_host_series source, ebnn_host_series target, const ebnn_kernel *kernel)
{
    const ebnn_sliced_layer *sliced = at->sliced;

    if (sliced->wrong_count > 0) {
        slice_changes(at);
    }
    for (size_t i = 0; i < at->count; i++) {
        const uint32_t *now = (const uint32_t *)(const void *)(source.first + i * source.stride);

        at->lists[i] = list_changed(at, now, sliced->inputs + (at->first + i) * at->shape.input_words,
                                    at->places + i * at->shape.most_places);
    }
    for (uint32_t panel = 0; panel < at->shape.panels; panel++) {
        for (size_t i = 0; i < at->count; i++) {
            answer(at, panel, i, kernel, target.first + i * target.stride);
        }
    }
}

int32_t ebnn_host_sliced(const ebnn_sliced_layer *sliced, ebnn_host_series source, ebnn_host_series target,
                         size_t batch, uint64_t first, const ebnn_kernel *kernel, void *scratch)
{
    const ebnn_linear_layer *layer = &sliced->layer;
    const int32_t status = ebnn_check_linear(layer);
    sliced_block at;

    if (status != EBNN_OK) {
        return status;
    }
    if (layer->output.height * layer->output.width != 1 || layer->groups != 1 || first + batch > sliced->samples) {
        return EBNN_ERROR_SHAPE;
    }
    at.sliced = sliced;
    at.slicing = ebnn_find_slicing(kernel == &ebnn_kernel_portable);
    at.shape = ebnn_sliced_shape_of(sliced);
    at.changes = (uint32_t *)scratch;
    at.lowered = (uint8_t *)(at.changes + changes_words(&at.shape));
    at.added = (int8_t *)(at.lowered + at.shape.limit_bytes);
    at.places = (uint16_t *)(void *)(at.added + 4 * added_words(&at.shape));
    for (size_t done = 0; done < batch; done += at.count) {
        at.first = (size_t)first + done;
        at.count = EBNN_KNOWN_SAMPLES - at.first % EBNN_KNOWN_SAMPLES; /* no block of the known run is crossed */
        at.count = batch - done < at.count ? batch - done : at.count;
        run_block(&at, (ebnn_host_series){source.first + done * source.stride, source.stride},
                  (ebnn_host_series){target.first + done * target.stride, target.stride}, kernel);
    }
    return EBNN_OK;
}
