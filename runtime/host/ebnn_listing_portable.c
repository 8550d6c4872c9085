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

static void add_block(const ebnn_listing *work, const uint16_t *places, size_t offset, uint64_t *planes)
{
    uint64_t carries[EBNN_LISTED_BLOCK];
    uint32_t plane = work->first;

    for (uint32_t i = 0; i < EBNN_LISTED_BLOCK; i++) {
        carries[i] = load(work->rows + (size_t)places[i] * work->bytes + offset);
    }
    for (uint32_t count = EBNN_LISTED_BLOCK; count > 1; count /= 2, plane++) {
        for (uint32_t i = 0; i < count; i += 2) {
            carries[i / 2] = add(&planes[plane], carries[i], carries[i + 1]);
        }
    }
    for (uint64_t carry = carries[0]; plane < work->planes; plane++) {
        carry = add(&planes[plane], carry, 0);
    }
}

void ebnn_answer_portable(const ebnn_listing *work)
{
    for (size_t offset = 0; offset < work->bytes; offset += WORD_BYTES) {
        uint64_t planes[EBNN_MOST_LIST_PLANES];
        uint64_t reached = UINT64_MAX;

        for (uint32_t plane = 0; plane < work->planes; plane++) {
            planes[plane] = (work->seed >> plane & 1) != 0 ? UINT64_MAX : 0;
        }
        for (uint32_t block = 0; block < work->blocks; block++) {
            add_block(work, work->places + block * EBNN_LISTED_BLOCK, offset, planes);
        }
        for (uint32_t plane = 0; plane < work->planes; plane++) {
            const uint64_t missing = load(work->limits + plane * work->bytes + offset);

            /* the majority: a bit of the counter alone decides for it, one of the limit alone against it */
            reached = (planes[plane] & missing) | (planes[plane] & reached) | (missing & reached);
        }
        reached ^= load(work->limits + work->planes * work->bytes + offset);
        memcpy(work->answers + offset, &reached, sizeof reached);
    }
}
