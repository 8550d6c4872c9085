/*
 * ebnn_host_columns.c: layers whose inputs are the same in every run, by their difference from a known run: neuron after
 * neuron, for a block of samples at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_difference.h"

#include <string.h>

#include "ebnn_fetch_ahead.h"
#include "ebnn_internal.h"
#include "ebnn_lowest_bit.h"

size_t ebnn_difference_list_changed(const ebnn_difference_layer *difference, ebnn_changed_neuron *list)
{
    const size_t wrong_end = (size_t)difference->wrong_count, open_end = (size_t)difference->open_count;
    size_t wrong = 0, open = 0, listed = 0;

    while (wrong < wrong_end || open < open_end) {
        ebnn_changed_neuron *at = &list[listed++];

        at->neuron = wrong < wrong_end ? difference->wrong[wrong].neuron : UINT32_MAX;
        if (open < open_end && difference->open[open].neuron < at->neuron) {
            at->neuron = difference->open[open].neuron;
        }
        at->wrong = wrong;
        while (wrong < wrong_end && difference->wrong[wrong].neuron == at->neuron) {
            wrong++;
        }
        at->wrong_count = (uint32_t)(wrong - at->wrong);
        while (open < open_end && difference->open[open].neuron == at->neuron) {
            open++;
        }
    }
    return listed;
}

/* Neurons so far ahead are fetched: their sums and inputs lie here and there. */
#define AHEAD 4

static void fetch_changed(const ebnn_difference_block *at, const uint32_t *known, const char *inputs, size_t i)
{
    const ebnn_difference_layer *difference = at->difference;
    const ebnn_changed_neuron *changed = &at->changed[i];
    const size_t bytes = EBNN_KNOWN_SAMPLES * difference->column_bytes;

    ebnn_fetch_ahead(known + (size_t)changed->neuron * EBNN_KNOWN_SAMPLES, EBNN_KNOWN_SAMPLES * sizeof *known);
    for (uint32_t k = 0; k < changed->wrong_count; k++) {
        ebnn_fetch_ahead(inputs + difference->wrong[changed->wrong + k].input * bytes, bytes);
    }
}

/*
 * Inputs that are the same in every run: what weights that changed add to neuron after neuron, for all samples of the
 * known run's block at a time. Neurons of which nothing changes are left alone.
 */
static void add_columns(const ebnn_difference_block *at)
{
    const ebnn_difference_layer *difference = at->difference;
    const size_t fan_in =
        (size_t)difference->layer.input.channels * difference->layer.input.height * difference->layer.input.width;
    const size_t begin = at->first / EBNN_KNOWN_SAMPLES * fan_in * EBNN_KNOWN_SAMPLES;
    const char *inputs = (const char *)difference->columns + begin * difference->column_bytes;
    const uint32_t *known =
        difference->sums + at->first / EBNN_KNOWN_SAMPLES * difference->layer.output.channels * EBNN_KNOWN_SAMPLES;
    const bool few = difference->wrong_count < fan_in;

    if (!few) { /* most inputs are read */
        ebnn_fetch_ahead(inputs, fan_in * EBNN_KNOWN_SAMPLES * difference->column_bytes);
    }
    for (size_t i = 0; i < at->changed_count; i++) {
        const ebnn_changed_neuron *changed = &at->changed[i];
        const ebnn_wrong_weight *wrong = difference->wrong + changed->wrong;
        uint32_t *sums = at->sums + (size_t)changed->neuron * EBNN_KNOWN_SAMPLES;

        if (few && i + AHEAD < at->changed_count) {
            fetch_changed(at, known, inputs, i + AHEAD);
        }
        if (difference->column_bytes == 1) {
            at->adding->correct_bytes((const int8_t *)difference->columns + begin, wrong, changed->wrong_count, sums);
        } else {
            at->adding->correct((const int16_t *)difference->columns + begin, wrong, changed->wrong_count, sums);
        }
    }
}

/* The known run's bits, and those turned round of which the sum crosses its threshold. */
static void write_crossing(const ebnn_difference_block *at, ebnn_host_series target)
{
    const ebnn_difference_layer *difference = at->difference;
    const ebnn_steps *steps = &difference->layer.steps;
    const size_t neurons = difference->layer.output.channels, words = ebnn_words((uint32_t)neurons);
    const uint32_t *known = difference->sums + at->first / EBNN_KNOWN_SAMPLES * neurons * EBNN_KNOWN_SAMPLES;
    const uint64_t all = at->count < 64 ? (UINT64_C(1) << at->count) - 1 : UINT64_MAX;

    for (size_t i = 0; i < at->count; i++) {
        memcpy(target.first + i * target.stride, difference->outputs + (at->first + i) * words, words * 4);
    }
    for (size_t k = 0; k < at->changed_count; k++) {
        const uint32_t neuron = at->changed[k].neuron;
        const size_t place = (size_t)neuron * EBNN_KNOWN_SAMPLES;
        const uint32_t down = ebnn_bit(steps->directions, neuron) != 0 ? UINT32_MAX : 0;
        uint64_t crossing = at->adding->find_crossing(known + place, at->sums + place, steps->thresholds[neuron], down);

        for (crossing = crossing >> at->first % EBNN_KNOWN_SAMPLES & all; crossing != 0; crossing &= crossing - 1) {
            uint8_t *sample = target.first + ebnn_lowest_bit(crossing) * target.stride;

            ((uint32_t *)(void *)sample)[neuron / 32] ^= UINT32_C(1) << neuron % 32;
        }
    }
}

/* All sums of a block with what changes them, sample after sample. */
static void write_all(const ebnn_difference_block *at, ebnn_host_series target, const ebnn_kernel *kernel)
{
    const ebnn_difference_layer *difference = at->difference;
    const size_t neurons = difference->layer.output.channels, stride = ebnn_difference_stride(difference);
    const uint32_t *known = difference->sums + at->first / EBNN_KNOWN_SAMPLES * neurons * EBNN_KNOWN_SAMPLES;
    uint32_t *turned = at->sums + neurons * EBNN_KNOWN_SAMPLES;

    for (size_t done = 0; done < at->count; done += EBNN_TURNED_SAMPLES) {
        const size_t left = at->count - done, count = left < EBNN_TURNED_SAMPLES ? left : EBNN_TURNED_SAMPLES;

        for (size_t neuron = 0; neuron < neurons; neuron++) {
            const size_t place = neuron * EBNN_KNOWN_SAMPLES + at->first % EBNN_KNOWN_SAMPLES + done;

            for (size_t i = 0; i < count; i++) {
                turned[i * stride + neuron] = known[place + i] + at->sums[place + i];
            }
        }
        for (size_t i = 0; i < count; i++) {
            ebnn_difference_write(&difference->layer, kernel, turned + i * stride,
                                  target.first + (done + i) * target.stride);
        }
    }
}

void ebnn_difference_columns(const ebnn_difference_block *at, ebnn_host_series target, const ebnn_kernel *kernel)
{
    const ebnn_difference_layer *difference = at->difference;

    if (difference->outputs == NULL) {
        memset(at->sums, 0, (size_t)difference->layer.output.channels * EBNN_KNOWN_SAMPLES * 4);
    }
    add_columns(at);
    if (difference->open_count > 0) {
        ebnn_difference_open(at);
    }
    if (difference->outputs != NULL) {
        write_crossing(at, target);
    } else {
        write_all(at, target, kernel);
    }
}
