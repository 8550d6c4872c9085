/*
 * ebnn_host_open.c: weights that are not always read alike, within layers that are evaluated by their difference from a
 * known run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_difference.h"

#include "ebnn_gather.h"

/* What some open words, read with their inputs, add up to other than the weights that are meant. */
static void add_read(const ebnn_open_word *open, const ebnn_sensed_word *read, uint32_t count, uint32_t weight,
                     uint32_t *sums, size_t neuron_stride)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t lanes = read[i].wanted, meant = open[i].nonzero & lanes, found = read[i].nonzero & lanes;
        const uint32_t alike_meant = meant & ~(open[i].sign ^ read[i].inputs);
        const uint32_t alike_found = found & ~(read[i].sign ^ read[i].inputs);
        uint32_t *sum = &sums[open[i].neuron * neuron_stride];

        *sum += weight * (2 * ebnn_popcount(alike_found) - ebnn_popcount(found));
        *sum -= weight * (2 * ebnn_popcount(alike_meant) - ebnn_popcount(meant));
    }
}

/* One plane of a sample's inputs through all open words. */
static void read_plane(const ebnn_difference_block *at, size_t sample, uint32_t plane, uint32_t weight)
{
    const ebnn_difference_layer *difference = at->difference;
    const bool packed = ebnn_is_packed(difference->layer.input.format);
    const uint32_t words = difference->layer.row_words;
    /* a plane of elements is a mask over inputs of +1 */
    const uint32_t *mask = at->gathered + (size_t)(packed ? 1 : plane) * words;
    ebnn_sensed_word read[EBNN_SENSE_ROWS];

    for (size_t first = 0; first < difference->open_count; first += EBNN_SENSE_ROWS) {
        const ebnn_open_word *open = difference->open + first;
        const size_t left = difference->open_count - first;
        const uint32_t count = left < EBNN_SENSE_ROWS ? (uint32_t)left : EBNN_SENSE_ROWS;

        for (uint32_t i = 0; i < count; i++) {
            read[i].place = open[i].place;
            read[i].inputs = packed ? at->gathered[open[i].word] : UINT32_MAX;
            read[i].wanted = open[i].lanes & mask[open[i].word];
        }
        ebnn_sense_words(difference->sensing, at->first + sample, plane, read, count, at->philox);
        if (difference->columns != NULL) {
            add_read(open, read, count, weight, at->sums + at->first % EBNN_KNOWN_SAMPLES + sample, EBNN_KNOWN_SAMPLES);
        } else {
            add_read(open, read, count, weight, at->sums + sample * ebnn_difference_stride(difference), 1);
        }
    }
}

void ebnn_difference_open(const ebnn_difference_block *at)
{
    const ebnn_linear_layer *layer = &at->difference->layer;
    const uint32_t planes = layer->input.planes;

    for (size_t i = 0; i < at->count; i++) {
        ebnn_gather(layer, at->source.first + i * at->source.stride, 0, 0, 0, at->gathered);
        for (uint32_t plane = 0; plane < planes; plane++) {
            const bool negative = plane + 1 == planes && ebnn_is_signed(layer->input.format);

            read_plane(at, i, plane, negative ? 0 - (UINT32_C(1) << plane) : UINT32_C(1) << plane);
        }
    }
}
