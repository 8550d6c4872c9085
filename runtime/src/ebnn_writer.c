/*
 * ebnn_writer.c: a run of sums through the step function, so that what their layer has in common is asked once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_writer.h"

/* Which of a run of sums reach threshold `step` of their channels. */
static uint32_t reached(const ebnn_writer *writer, const uint32_t *sums, uint32_t count, uint32_t step)
{
    const ebnn_steps *steps = writer->steps;
    const int32_t *threshold = steps->thresholds + (size_t)writer->channel * steps->steps + step;
    const uint32_t first = writer->channel % EBNN_WORD_BITS;
    uint32_t turned = steps->directions == NULL ? 0 : steps->directions[writer->channel / EBNN_WORD_BITS] >> first;
    uint32_t bits = 0;

    for (uint32_t bit = first; bit < first + count; bit++, turned >>= 1, threshold += steps->steps) {
        const int32_t sum = (int32_t)(*sums++ ^ (0 - (turned & 1)));

        bits |= (*threshold <= sum ? UINT32_C(1) : 0) << bit;
    }
    return bits;
}

static void write_bits(ebnn_writer *writer, const uint32_t *sums, uint32_t count)
{
    const uint32_t first = reached(writer, sums, count, 0);
    const uint32_t last = writer->steps->steps == 1 ? first : reached(writer, sums, count, 1);
    const uint32_t there = (UINT32_MAX >> (EBNN_WORD_BITS - count)) << writer->channel % EBNN_WORD_BITS;
    const uint32_t word = writer->channel / EBNN_WORD_BITS;

    writer->sign |= last;
    writer->nonzero |= there & ~(first ^ last);
    writer->channel += count;
    if (writer->channel % EBNN_WORD_BITS == 0 || writer->channel == writer->tensor->channels) {
        ebnn_store_words(writer, word);
        writer->sign = 0;
        writer->nonzero = 0;
    }
}

/* Sums as they are. */
static void write_scores(ebnn_writer *writer, const uint32_t *sums, uint32_t count)
{
    int32_t *score = (int32_t *)writer->data + ebnn_at(writer->channel, writer->pixels, writer->pixel);

    for (const uint32_t *const end = sums + count; sums != end; score += writer->pixels) {
        *score = (int32_t)*sums++;
    }
    writer->channel += count;
}

void ebnn_write_sums(ebnn_writer *writer, uint32_t *sums, uint32_t count)
{
    const ebnn_tensor *tensor = writer->tensor;

    if (writer->starts != NULL) {
        for (uint32_t i = 0; i < count; i++) {
            sums[i] = (sums[i] << writer->shift) + (uint32_t)writer->starts[writer->channel + i];
        }
    }
    if (ebnn_is_packed(tensor->format) && writer->steps->thresholds != NULL) {
        write_bits(writer, sums, count);
        return;
    }
    if (writer->steps->steps == 0) {
        write_scores(writer, sums, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        ebnn_write(writer, (int32_t)sums[i]);
    }
}
