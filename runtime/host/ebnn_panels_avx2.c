/*
 * ebnn_panels_avx2.c: bits and trits with AVX2.
 *
 * The row of the nibbles' table that a code asks for is loaded into a register, in which the nibbles of 32 rows of weights
 * are looked up at once (pshufb) and added up in bytes, which are widened before they overflow. A tile of panels x vectors
 * stays in registers, so that whatever is loaded is used several times.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_kernel.h"

#if defined(__x86_64__)

#include "ebnn_listing.h"
#include "ebnn_panels_avx2.h"
#include "ebnn_writer.h"

#define TILE_PANELS 4
#define TILE_VECTORS 2
/* Octets at a time: what they add up to, 16 each at most, in 16 bits. */
#define RANGE_OCTETS UINT32_C(2048)

/* One pass over the weights: whose bits are looked up in which table. */
typedef struct pass {
    const ebnn_bit_panels *work;
    const uint8_t *weights;
    const ebnn_nibble_table *table;
    uint32_t steps; /* octets that can be added up in bytes */
    uint32_t factor;
} pass;

typedef __m256i tile[TILE_PANELS][TILE_VECTORS];

/* Octets `begin` to `end` of a few panels and vectors, no more than a byte holds. */
AVX2_INLINE void add_up(const pass *at, size_t panel, size_t vector, uint32_t begin, uint32_t end, tile bytes,
                        int panels, int vectors)
{
    const ebnn_bit_panels *work = at->work;
    const size_t panel_bytes = (size_t)work->octets * EBNN_PANEL_ROWS;
    const __m256i nibble = _mm256_set1_epi8(15);
    const uint8_t *weights = at->weights + panel * panel_bytes + (size_t)begin * EBNN_PANEL_ROWS;
    const uint8_t *codes = work->codes + vector * work->codes_stride;

    for (int i = 0; i < panels * vectors; i++) {
        bytes[i / vectors][i % vectors] = _mm256_setzero_si256();
    }
    for (uint32_t octet = begin; octet < end; octet++, weights += EBNN_PANEL_ROWS) {
        __m256i former[TILE_VECTORS], latter[TILE_VECTORS];

        for (int v = 0; v < vectors; v++) {
            const uint8_t *code = codes + (size_t)v * work->codes_stride + 2 * (size_t)octet;

            former[v] = table_at((*at->table)[code[0]]);
            latter[v] = table_at((*at->table)[code[1]]);
        }
        for (int p = 0; p < panels; p++) {
            const __m256i both = load(weights + (size_t)p * panel_bytes), low = _mm256_and_si256(both, nibble);
            const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);

            for (int v = 0; v < vectors; v++) {
                const __m256i found =
                    _mm256_add_epi8(_mm256_shuffle_epi8(former[v], low), _mm256_shuffle_epi8(latter[v], high));

                bytes[p][v] = _mm256_add_epi8(bytes[p][v], found);
            }
        }
    }
}

/* Octets `begin` to `end` of a few panels and vectors, no more than 16 bits hold. */
AVX2_INLINE void add_tile(const pass *at, size_t panel, size_t vector, uint32_t begin, uint32_t end, int panels,
                          int vectors)
{
    const ebnn_bit_panels *work = at->work;
    const __m256i zero = _mm256_setzero_si256();
    __m256i wide[TILE_PANELS][TILE_VECTORS][2];

    for (int i = 0; i < panels * vectors; i++) {
        wide[i / vectors][i % vectors][0] = wide[i / vectors][i % vectors][1] = zero;
    }
    for (uint32_t first = begin; first < end; first += at->steps) {
        tile bytes;

        add_up(at, panel, vector, first, end - first < at->steps ? end : first + at->steps, bytes, panels, vectors);
        for (int i = 0; i < panels * vectors; i++) {
            const __m256i sums = bytes[i / vectors][i % vectors];
            __m256i *at_wide = wide[i / vectors][i % vectors];

            at_wide[0] = _mm256_add_epi16(at_wide[0], _mm256_unpacklo_epi8(sums, zero));
            at_wide[1] = _mm256_add_epi16(at_wide[1], _mm256_unpackhi_epi8(sums, zero));
        }
    }
    for (int i = 0; i < panels * vectors; i++) {
        const size_t row = (panel + (size_t)(i / vectors)) * EBNN_PANEL_ROWS, sample = vector + (size_t)(i % vectors);

        add_wide(work->sums + sample * work->sums_stride + row, wide[i / vectors][i % vectors], at->factor,
                 work->rows - row);
    }
}

AVX2_INLINE void add_vectors(const pass *at, size_t vector, uint32_t begin, uint32_t end, int vectors)
{
    const size_t panels = (at->work->rows + EBNN_PANEL_ROWS - 1) / EBNN_PANEL_ROWS;
    size_t panel = 0;

    for (; panel + TILE_PANELS <= panels; panel += TILE_PANELS) {
        add_tile(at, panel, vector, begin, end, TILE_PANELS, vectors);
    }
    for (; panel < panels; panel++) {
        add_tile(at, panel, vector, begin, end, 1, vectors);
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
    add_unlike,
    add_products,
    ebnn_add_bytes_avx2,
    ebnn_count_bits_avx2,
    ebnn_list_bits_avx2,
    ebnn_answer_avx2,
    ebnn_sum_listed_avx2,
    threshold_bits,
    ebnn_dot_values_avx2,
    NULL,
    ebnn_philox_rows_avx2,
};

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx2;

#endif
