/*
 * ebnn_panels_portable.c: the kernels in plain C: what the others do, a number at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "ebnn_kernel.h"
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
/* Octets that can be added up in bytes. */
#define MOST_UNLIKE UINT32_C(31)
#define MOST_SUM UINT32_C(15)

static void add_bits(const ebnn_bit_panels *work)
{
    const uint32_t steps = work->kind == EBNN_SUM ? MOST_SUM : MOST_UNLIKE;

    for (size_t first = 0; first < work->rows; first += EBNN_PANEL_ROWS) {
        const uint8_t *panel = work->weights + first * work->octets;
        const size_t left = work->rows - first, rows = left < EBNN_PANEL_ROWS ? left : EBNN_PANEL_ROWS;

        for (size_t vector = 0; vector < work->vectors; vector++) {
            const uint8_t *codes = work->codes + vector * work->codes_stride;
            uint32_t *sums = work->sums + vector * work->sums_stride + first;

            for (uint32_t begin = 0; begin < work->octets; begin += steps) {
                const uint32_t stop = work->octets - begin < steps ? work->octets : begin + steps;
                uint64_t totals[PANEL_WORDS] = {0};
                uint8_t bytes[EBNN_PANEL_ROWS];

                for (uint32_t octet = begin; octet < stop; octet++) {
                    const uint32_t low = codes[2 * octet], high = codes[2 * octet + 1];
                    const uint64_t values = in_all((low & 15) | (high & 15) << 4);
                    const uint64_t counting = in_all(low >> 4 | (high & 0xF0));
                    uint64_t weights[PANEL_WORDS];

                    memcpy(weights, panel + (size_t)octet * EBNN_PANEL_ROWS, sizeof weights);
                    for (int i = 0; i < PANEL_WORDS; i++) {
                        if (work->kind == EBNN_UNLIKE) {
                            totals[i] += count_bytes((weights[i] ^ values) & counting);
                        } else {
                            totals[i] += in_all(8) + count_bytes(weights[i] & values & counting) -
                                         count_bytes(weights[i] & ~values & counting);
                        }
                    }
                }
                memcpy(bytes, totals, sizeof bytes);
                for (size_t row = 0; row < rows; row++) {
                    sums[row] += work->factor * bytes[row];
                }
            }
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
                const uint32_t weights = work->weights[panel * EBNN_PANEL_ROWS + row % EBNN_PANEL_ROWS];

                sums[row] += work->factor * (low[weights & 15] + high[weights >> 4]);
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

static void dot_values(const int16_t *row, const int16_t *vectors, size_t length, size_t count, uint32_t *sums,
                       size_t sums_stride)
{
    for (size_t vector = 0; vector < count; vector++, vectors += length) {
        uint32_t sum = 0;

        for (size_t i = 0; i < length; i++) {
            sum += (uint32_t)(row[i] * vectors[i]);
        }
        sums[vector * sums_stride] = sum;
    }
}

const ebnn_kernel ebnn_kernel_portable = {add_bits, add_bytes, threshold_bits, dot_values, ebnn_philox_rows_portable};
