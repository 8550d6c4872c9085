/*
 * ebnn_listing_portable.c: listed inputs in plain C, 64 neurons a word; the truth for the other kernels.
 *
 * Counters are sliced: word p of a plane has bit p of the counters of 64 neurons. Full adders take 32 words of
 * weights at a time into the five planes from the first on (carry-save), and what they carry is added to those above.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_listing.h"

#include <string.h>

#define WORD_BYTES sizeof(uint64_t)

/* sum + a + b = sum + 2 * the answer, for each bit. */
static inline uint64_t add(uint64_t *sum, uint64_t a, uint64_t b)
{
    const uint64_t unlike = a ^ b, carry = (a & b) | (unlike & *sum);

    *sum ^= unlike;
    return carry;
}

static uint64_t load(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Counters at work, of 64 neurons: planes, of which those from `first` on count rows. */
typedef struct counters {
    uint64_t planes[EBNN_MOST_LIST_PLANES];
    uint32_t first;
    uint32_t count;
} counters;

static void add_block(counters *at, const uint8_t *rows, uint32_t bytes, const uint16_t *places)
{
    uint64_t carries[EBNN_LISTED_BLOCK];
    uint32_t plane = at->first;

    for (uint32_t i = 0; i < EBNN_LISTED_BLOCK; i++) {
        carries[i] = load(rows + (size_t)places[i] * bytes);
    }
    for (uint32_t count = EBNN_LISTED_BLOCK; count > 1; count /= 2, plane++) {
        for (uint32_t i = 0; i < count; i += 2) {
            carries[i / 2] = add(&at->planes[plane], carries[i], carries[i + 1]);
        }
    }
    for (uint64_t carry = carries[0]; plane < at->count; plane++) {
        carry = add(&at->planes[plane], carry, 0);
    }
}

void ebnn_answer_portable(const ebnn_listing *work)
{
    for (size_t offset = 0; offset < work->bytes; offset += WORD_BYTES) {
        uint64_t reached = UINT64_MAX;
        counters at;

        at.first = work->first;
        at.count = work->planes;
        for (uint32_t plane = 0; plane < work->planes; plane++) {
            at.planes[plane] = (work->seed >> plane & 1) != 0 ? UINT64_MAX : 0;
        }
        for (uint32_t block = 0; block < work->blocks; block++) {
            add_block(&at, work->rows + offset, work->bytes, work->places + block * EBNN_LISTED_BLOCK);
        }
        for (uint32_t plane = 0; plane < work->planes; plane++) {
            const uint64_t missing = load(work->limits + plane * work->bytes + offset);

            /* the majority: a bit of the counter alone decides for it, one of the limit alone against it */
            reached = (at.planes[plane] & missing) | (at.planes[plane] & reached) | (missing & reached);
        }
        reached ^= load(work->limits + work->planes * work->bytes + offset);
        memcpy(work->answers + offset, &reached, sizeof reached);
    }
}

/* Bits that counters need, of which a block adds to five. */
static uint32_t planes_for(uint32_t blocks)
{
    uint32_t planes = 5;

    while (EBNN_LISTED_BLOCK * (uint64_t)blocks >> planes != 0) {
        planes++;
    }
    return planes;
}

void ebnn_sum_listed_portable(const ebnn_listed_sums *work)
{
    for (uint32_t first = 0; first < work->neurons; first += 8 * WORD_BYTES) {
        counters at = {{0}, 0, 0};

        at.count = planes_for(work->blocks);
        for (uint32_t block = 0; block < work->blocks; block++) {
            add_block(&at, work->rows + first / 8, work->bytes, work->places + block * EBNN_LISTED_BLOCK);
        }
        for (uint32_t neuron = first; neuron < work->neurons && neuron < first + 8 * WORD_BYTES; neuron++) {
            uint32_t count = 0, sum;

            for (uint32_t plane = 0; plane < at.count; plane++) {
                count |= (uint32_t)(at.planes[plane] >> (neuron - first) & 1) << plane;
            }
            sum = (count << work->shift) + work->start - work->totals[neuron];
            work->sums[neuron] = work->turned ? 0 - sum : sum;
        }
    }
}
