/*
 * ebnn_panels_portable.c: the kernels in plain C: what the others do, a number at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "ebnn_kernel.h"
#include "ebnn_listing.h"
#include "ebnn_writer.h"

/* Set bits of each of eight bytes. */
static inline uint64_t count_bytes(uint64_t bits)
{
    bits -= (bits >> 1) & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + ((bits >> 2) & UINT64_C(0x3333333333333333));
    return (bits + (bits >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
}

/* A byte in all eight. */
static inline uint64_t in_all(uint32_t byte)
{
    return byte * UINT64_C(0x0101010101010101);
}

#define PANEL_WORDS (EBNN_PANEL_ROWS / 8)

/* The values of an octet of inputs, and which of them count, in each of eight bytes. */
typedef struct octet {
    uint64_t values;
    uint64_t counting;
} octet;

static inline octet octet_of(const uint8_t *codes)
{
    octet inputs;

    inputs.values = in_all((codes[0] & 15U) | (codes[1] & 15U) << 4);
    inputs.counting = in_all(codes[0] >> 4 | (codes[1] & 0xF0U));
    return inputs;
}

/* Octets whose counts, of 8 each, can be added up in bytes. */
#define RANGE_OCTETS UINT32_C(31)

/* Inputs of octets `begin` to `end` that are unlike the weights of a panel, in bytes. */
static void count_unlike(const ebnn_bit_panels *work, const uint8_t *codes, size_t first, uint32_t begin, uint32_t end,
                         uint64_t counts[PANEL_WORDS])
{
    for (uint32_t i = begin; i < end; i++) {
        const octet inputs = octet_of(codes + 2 * (size_t)i);
        uint64_t weights[PANEL_WORDS];

        memcpy(weights, work->plus + first * work->octets + (size_t)i * EBNN_PANEL_ROWS, sizeof weights);
        for (int k = 0; k < PANEL_WORDS; k++) {
            counts[k] += count_bytes((weights[k] ^ inputs.values) & inputs.counting);
        }
    }
}

/* The same of inputs that have the value of their weight, which is not 0, or its opposite. */
static void count_both(const ebnn_bit_panels *work, const uint8_t *codes, size_t first, uint32_t begin, uint32_t end,
                       uint64_t alike[PANEL_WORDS], uint64_t unlike[PANEL_WORDS])
{
    for (uint32_t i = begin; i < end; i++) {
        const octet inputs = octet_of(codes + 2 * (size_t)i);
        const size_t at = first * work->octets + (size_t)i * EBNN_PANEL_ROWS;
        uint64_t plus[PANEL_WORDS], minus[PANEL_WORDS];

        memcpy(plus, work->plus + at, sizeof plus);
        memcpy(minus, work->minus + at, sizeof minus);
        for (int k = 0; k < PANEL_WORDS; k++) {
            const uint64_t counting = (plus[k] | minus[k]) & inputs.counting, differs = plus[k] ^ inputs.values;

            alike[k] += count_bytes(counting & ~differs);
            unlike[k] += count_bytes(counting & differs);
        }
    }
}

/* sums[r] += factor * counts[r], of the rows that there are */
static void add_counts(const ebnn_bit_panels *work, size_t vector, size_t first, uint32_t factor,
                       const uint64_t counts[PANEL_WORDS])
{
    const size_t left = work->rows - first, rows = left < EBNN_PANEL_ROWS ? left : EBNN_PANEL_ROWS;
    uint32_t *sums = work->sums + vector * work->sums_stride + first;
    uint8_t bytes[EBNN_PANEL_ROWS];

    memcpy(bytes, counts, sizeof bytes);
    for (size_t row = 0; row < rows; row++) {
        sums[row] += factor * bytes[row];
    }
}

static void add_range(const ebnn_bit_panels *work, size_t first, uint32_t begin, uint32_t end)
{
    for (size_t vector = 0; vector < work->vectors; vector++) {
        const uint8_t *codes = work->codes + vector * work->codes_stride;
        uint64_t alike[PANEL_WORDS] = {0}, unlike[PANEL_WORDS] = {0};

        if (work->minus == NULL) {
            count_unlike(work, codes, first, begin, end, unlike);
            add_counts(work, vector, first, work->factor, unlike);
        } else {
            count_both(work, codes, first, begin, end, alike, unlike);
            add_counts(work, vector, first, work->factor, alike);
            add_counts(work, vector, first, 0 - work->factor, unlike);
        }
    }
}

static void add_bits(const ebnn_bit_panels *work)
{
    for (size_t first = 0; first < work->rows; first += EBNN_PANEL_ROWS) {
        for (uint32_t begin = 0; begin < work->octets; begin += RANGE_OCTETS) {
            const uint32_t left = work->octets - begin;

            add_range(work, first, begin, begin + (left < RANGE_OCTETS ? left : RANGE_OCTETS));
        }
    }
}

/* The sums of all choices of four values: bit i of the index says whether value i is among them. */
static void choose(const uint8_t *values, uint32_t sums[16])
{
    for (uint32_t choice = 0; choice < 16; choice++) {
        sums[choice] = 0;
        for (uint32_t i = 0; i < 4; i++) {
            sums[choice] += (choice >> i & 1) * values[i];
        }
    }
}

static void add_bytes(const ebnn_byte_panels *work)
{
    for (size_t vector = 0; vector < work->vectors; vector++) {
        const uint8_t *values = work->values + vector * work->values_stride;
        uint32_t *sums = work->sums + vector * work->sums_stride;

        for (uint32_t octet = 0; octet < work->octets; octet++) {
            uint32_t low[16], high[16];

            choose(values + 8 * (size_t)octet, low);
            choose(values + 8 * (size_t)octet + 4, high);
            for (size_t row = 0; row < work->rows; row++) {
                const size_t panel = row / EBNN_PANEL_ROWS * work->octets + octet;
                const size_t at = panel * EBNN_PANEL_ROWS + row % EBNN_PANEL_ROWS;
                const uint32_t plus = work->plus[at], minus = work->minus != NULL ? work->minus[at] : 0;

                sums[row] += work->factor * (low[plus & 15] + high[plus >> 4] - low[minus & 15] - high[minus >> 4]);
            }
        }
    }
}

static void threshold_bits(const ebnn_steps *steps, const uint32_t *sums, uint32_t channels, uint32_t *words)
{
    for (uint32_t first = 0; first < channels; first += EBNN_WORD_BITS) {
        const uint32_t count = channels - first < EBNN_WORD_BITS ? channels - first : EBNN_WORD_BITS;
        uint32_t word = 0;

        for (uint32_t i = 0; i < count; i++) {
            word |= ebnn_count_steps(steps, first + i, (int32_t)sums[first + i]) << i;
        }
        words[first / EBNN_WORD_BITS] = word;
    }
}

static void dot_values(const ebnn_dots *work)
{
    for (size_t vector = 0; vector < work->vector_count; vector++) {
        for (size_t row = 0; row < work->row_count; row++) {
            const int8_t *weights = work->rows + row * work->length;
            const int16_t *values = work->vectors + vector * work->length;
            uint32_t sum = 0;

            for (size_t i = 0; i < work->length; i++) {
                sum += (uint32_t)(weights[i] * values[i]);
            }
            work->sums[vector * work->sums_stride + row] = sum;
        }
    }
}

static void dot_bytes(const ebnn_byte_dots *work)
{
    for (size_t vector = 0; vector < work->vector_count; vector++) {
        for (size_t row = 0; row < work->row_count; row++) {
            const int8_t *weights = work->rows + row * work->length;
            const uint8_t *values = work->vectors + vector * work->length;
            uint32_t sum = 0;

            for (size_t i = 0; i < work->length; i++) {
                sum += (uint32_t)(weights[i] * values[i]);
            }
            work->sums[vector * work->sums_stride + row] = sum;
        }
    }
}

const ebnn_kernel ebnn_kernel_portable = {
    add_bits,
    add_bits,
    add_bytes,
    ebnn_count_bits_portable,
    ebnn_list_bits_portable,
    ebnn_answer_portable,
    ebnn_sum_listed_portable,
    threshold_bits,
    dot_values,
    dot_bytes,
    ebnn_philox_rows_portable,
};
