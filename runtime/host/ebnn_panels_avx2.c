/*
 * ebnn_panels_avx2.c: bits and trits with AVX2.
 *
 * The rows of the nibbles' table that the codes of a few vectors ask for are put side by side once for all panels. Such a
 * row lies in a register, in which the nibbles of 32 rows of weights are looked up at once (pshufb) and added up in bytes,
 * which are widened before they overflow. A tile of panels x vectors stays in registers, so that whatever is loaded is
 * used several times.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_kernel.h"

#if defined(__x86_64__)

#include <string.h>

#include "ebnn_listing.h"
#include "ebnn_panels_avx2.h"
#include "ebnn_writer.h"

#define TILE_PANELS 2
#define TILE_VECTORS 4
/* Octets at a time: their tables stay in the nearest cache, and what they add up to in 16 bits. */
#define RANGE_OCTETS UINT32_C(128)
#define OCTET_TABLES 32

/* One pass over the weights: whose bits are looked up in which table. */
typedef struct pass {
    const ebnn_bit_panels *work;
    const uint8_t *weights;
    const ebnn_nibble_table *table;
    uint32_t steps; /* octets that can be added up in bytes */
    uint32_t factor;
} pass;

/* Octets `begin` to `end` of a few panels against as many vectors, whose tables are those of these octets. */
AVX2_INLINE void add_tile(const pass *at, size_t panel, size_t vector, uint32_t begin, uint32_t end,
                          const uint8_t *tables, int panels, int vectors)
{
    const ebnn_bit_panels *work = at->work;
    const __m256i nibble = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
    const uint8_t *weights[TILE_PANELS];
    __m256i wide[TILE_PANELS][TILE_VECTORS][2];

    for (int p = 0; p < panels; p++) {
        weights[p] = at->weights + ((panel + (size_t)p) * work->octets + begin) * EBNN_PANEL_ROWS;
        for (int v = 0; v < vectors; v++) {
            wide[p][v][0] = wide[p][v][1] = zero;
        }
    }
    for (uint32_t first = 0; first < end - begin; first += at->steps) {
        const uint32_t left = end - begin - first, stop = first + (left < at->steps ? left : at->steps);
        __m256i bytes[TILE_PANELS][TILE_VECTORS];

        for (int p = 0; p < panels; p++) {
            for (int v = 0; v < vectors; v++) {
                bytes[p][v] = zero;
            }
        }
        for (uint32_t octet = first; octet < stop; octet++) {
            __m256i low[TILE_PANELS], high[TILE_PANELS];

            for (int p = 0; p < panels; p++) {
                const __m256i both = load(weights[p] + (size_t)octet * EBNN_PANEL_ROWS);

                low[p] = _mm256_and_si256(both, nibble);
                high[p] = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
            }
            for (int v = 0; v < vectors; v++) {
                const uint8_t *table = tables + ((size_t)v * RANGE_OCTETS + octet) * OCTET_TABLES;
                const __m256i former = table_at(table), latter = table_at(table + 16);

                for (int p = 0; p < panels; p++) {
                    const __m256i found =
                        _mm256_add_epi8(_mm256_shuffle_epi8(former, low[p]), _mm256_shuffle_epi8(latter, high[p]));

                    bytes[p][v] = _mm256_add_epi8(bytes[p][v], found);
                }
            }
        }
        for (int p = 0; p < panels; p++) {
            for (int v = 0; v < vectors; v++) {
                wide[p][v][0] = _mm256_add_epi16(wide[p][v][0], _mm256_unpacklo_epi8(bytes[p][v], zero));
                wide[p][v][1] = _mm256_add_epi16(wide[p][v][1], _mm256_unpackhi_epi8(bytes[p][v], zero));
            }
        }
    }
    for (int p = 0; p < panels; p++) {
        const size_t row = (panel + (size_t)p) * EBNN_PANEL_ROWS;

        for (int v = 0; v < vectors; v++) {
            add_wide(work->sums + (vector + (size_t)v) * work->sums_stride + row, wide[p][v], at->factor,
                     work->rows - row);
        }
    }
}

AVX2_INLINE void add_vectors(const pass *at, size_t vector, uint32_t begin, uint32_t end, int vectors)
{
    const ebnn_bit_panels *work = at->work;
    const size_t panels = (work->rows + EBNN_PANEL_ROWS - 1) / EBNN_PANEL_ROWS;
    uint8_t tables[TILE_VECTORS * RANGE_OCTETS * OCTET_TABLES];
    size_t panel = 0;

    for (int v = 0; v < vectors; v++) {
        const uint8_t *codes = work->codes + (vector + (size_t)v) * work->codes_stride + 2 * (size_t)begin;
        uint8_t *table = tables + (size_t)v * RANGE_OCTETS * OCTET_TABLES;

        for (uint32_t nibble = 0; nibble < 2 * (end - begin); nibble++) {
            memcpy(table + 16 * (size_t)nibble, (*at->table)[codes[nibble]], 16);
        }
    }
    for (; panel + TILE_PANELS <= panels; panel += TILE_PANELS) {
        add_tile(at, panel, vector, begin, end, tables, TILE_PANELS, vectors);
    }
    if (panel < panels) {
        add_tile(at, panel, vector, begin, end, tables, 1, vectors);
    }
}

AVX2 static void add_pass(const pass *at)
{
    const ebnn_bit_panels *work = at->work;

    for (uint32_t begin = 0; begin < work->octets; begin += RANGE_OCTETS) {
        const uint32_t left = work->octets - begin, end = begin + (left < RANGE_OCTETS ? left : RANGE_OCTETS);
        size_t vector = 0;

        for (; vector + TILE_VECTORS <= work->vectors; vector += TILE_VECTORS) {
            add_vectors(at, vector, begin, end, TILE_VECTORS);
        }
        for (; vector < work->vectors; vector++) {
            add_vectors(at, vector, begin, end, 1);
        }
    }
}

AVX2 static void add_unlike(const ebnn_bit_panels *work)
{
    const pass all = {work, work->plus, &ebnn_nibbles_unlike, 31, work->factor};

    add_pass(&all);
}

/* What the tables add to have no negative entries is the same in both passes. */
AVX2 static void add_products(const ebnn_bit_panels *work)
{
    const pass plus = {work, work->plus, &ebnn_nibbles_sum, 15, work->factor};
    const pass minus = {work, work->minus, &ebnn_nibbles_sum, 15, 0 - work->factor};

    add_pass(&plus);
    add_pass(&minus);
}

AVX2 static void threshold_bits(const ebnn_steps *steps, const uint32_t *sums, uint32_t channels, uint32_t *words)
{
    const __m256i places = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const uint32_t whole = channels / EBNN_WORD_BITS * EBNN_WORD_BITS;

    for (uint32_t first = 0; first < whole; first += EBNN_WORD_BITS) {
        const uint32_t down = steps->directions != NULL ? steps->directions[first / EBNN_WORD_BITS] : 0;
        uint32_t word = 0;

        for (uint32_t i = 0; i < EBNN_WORD_BITS; i += 8) {
            const __m256i bits = _mm256_and_si256(_mm256_set1_epi32((int32_t)(down >> i)), places);
            const __m256i flip = _mm256_cmpeq_epi32(bits, places);
            const __m256i sum = _mm256_xor_si256(load(sums + first + i), flip);
            const __m256i threshold = load(steps->thresholds + first + i);
            const int below = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(threshold, sum)));

            word |= ((uint32_t)below ^ 255) << i;
        }
        words[first / EBNN_WORD_BITS] = word;
    }
    if (whole < channels) {
        uint32_t word = 0;

        for (uint32_t channel = whole; channel < channels; channel++) {
            word |= ebnn_count_steps(steps, channel, (int32_t)sums[channel]) << (channel - whole);
        }
        words[whole / EBNN_WORD_BITS] = word;
    }
}

const ebnn_kernel ebnn_kernel_avx2 = {
    add_unlike,           add_products, ebnn_add_bytes_avx2,   ebnn_answer_avx2, threshold_bits,
    ebnn_dot_values_avx2, NULL,         ebnn_philox_rows_avx2,
};

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx2;

#endif
