/*
 * ebnn_panels_avx2.c: the kernels for AVX2.
 *
 * Bits: a code's row of the table lies in a register, in which the nibbles of 32 rows are looked up at once (pshufb) and
 * added up in bytes, which are widened before they overflow. Bytes: a quad of inputs meets those of eight rows
 * (pmaddubsw). A tile of panels x vectors stays in registers, so that whatever is loaded is used several times.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_kernel.h"
#include "ebnn_writer.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE static inline __attribute__((target("avx2"), always_inline))

#define TILE_PANELS 2
#define TILE_VECTORS 4

AVX2_INLINE __m256i load(const void *bytes)
{
    return _mm256_loadu_si256((const __m256i *)bytes);
}

AVX2_INLINE void store(void *bytes, __m256i value)
{
    _mm256_storeu_si256((__m256i *)bytes, value);
}

/* sums[i] += factor * totals[i] of eight rows, or of so many as there are. */
AVX2_INLINE void add_eight(uint32_t *sums, __m256i totals, uint32_t factor, size_t rows)
{
    const __m256i added = _mm256_mullo_epi32(totals, _mm256_set1_epi32((int32_t)factor));

    if (rows >= 8) {
        store(sums, _mm256_add_epi32(load(sums), added));
    } else {
        uint32_t each[8];

        store(each, added);
        for (size_t row = 0; row < rows; row++) {
            sums[row] += each[row];
        }
    }
}

/* Octets that can be added up in 16 bits. */
#define WIDE_OCTETS UINT32_C(4095)

AVX2_INLINE void add_bits_tile(const ebnn_bit_panels *work, size_t panel, size_t vector, uint32_t begin, uint32_t end,
                               int panels, int vectors)
{
    const __m256i nibble = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
    const ebnn_nibble_table *table = work->kind == EBNN_SUM ? &ebnn_nibbles_sum : &ebnn_nibbles_unlike;
    /* octets that can be added up in bytes */
    const uint32_t steps = work->kind == EBNN_SUM ? 15 : 31;
    const uint8_t *weights[TILE_PANELS], *codes[TILE_VECTORS];
    __m256i wide[TILE_PANELS][TILE_VECTORS][2];

    for (int p = 0; p < panels; p++) {
        weights[p] = work->weights + (panel + (size_t)p) * work->octets * EBNN_BIT_PANEL_ROWS;
        for (int v = 0; v < vectors; v++) {
            wide[p][v][0] = wide[p][v][1] = zero;
        }
    }
    for (int v = 0; v < vectors; v++) {
        codes[v] = work->codes + (vector + (size_t)v) * work->codes_stride;
    }
    while (begin < end) {
        const uint32_t stop = end - begin < steps ? end : begin + steps;
        __m256i bytes[TILE_PANELS][TILE_VECTORS];

        for (int p = 0; p < panels; p++) {
            for (int v = 0; v < vectors; v++) {
                bytes[p][v] = zero;
            }
        }
        for (uint32_t octet = begin; octet < stop; octet++) {
            __m256i low[TILE_PANELS], high[TILE_PANELS];

            for (int p = 0; p < panels; p++) {
                const __m256i both = load(weights[p] + (size_t)octet * EBNN_BIT_PANEL_ROWS);

                low[p] = _mm256_and_si256(both, nibble);
                high[p] = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
            }
            for (int v = 0; v < vectors; v++) {
                const uint8_t *code = codes[v] + 2 * (size_t)octet;
                const __m256i first =
                    _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(*table)[code[0]]));
                const __m256i second =
                    _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(*table)[code[1]]));

                for (int p = 0; p < panels; p++) {
                    const __m256i found =
                        _mm256_add_epi8(_mm256_shuffle_epi8(first, low[p]), _mm256_shuffle_epi8(second, high[p]));

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
        begin = stop;
    }
    for (int p = 0; p < panels; p++) {
        const size_t first = (panel + (size_t)p) * EBNN_BIT_PANEL_ROWS;

        for (int v = 0; v < vectors; v++) {
            uint32_t *sums = work->sums + (vector + (size_t)v) * work->sums_stride + first;

            /* unpacking goes half a register by half a register: rows 0 to 7, 8 to 15, then those behind 16 */
            for (size_t i = 0; i < 4 && first + 8 * i < work->rows; i++) {
                const __m256i part = wide[p][v][i % 2];
                const __m128i eight = i < 2 ? _mm256_castsi256_si128(part) : _mm256_extracti128_si256(part, 1);

                add_eight(sums + 8 * i, _mm256_cvtepu16_epi32(eight), work->factor, work->rows - first - 8 * i);
            }
        }
    }
}

AVX2_INLINE void add_bits_range(const ebnn_bit_panels *work, uint32_t begin, uint32_t end)
{
    const size_t panels = (work->rows + EBNN_BIT_PANEL_ROWS - 1) / EBNN_BIT_PANEL_ROWS;
    size_t panel = 0;

    for (; panel + TILE_PANELS <= panels; panel += TILE_PANELS) {
        size_t vector = 0;

        for (; vector + TILE_VECTORS <= work->vectors; vector += TILE_VECTORS) {
            add_bits_tile(work, panel, vector, begin, end, TILE_PANELS, TILE_VECTORS);
        }
        for (; vector < work->vectors; vector++) {
            add_bits_tile(work, panel, vector, begin, end, TILE_PANELS, 1);
        }
    }
    if (panel < panels) {
        size_t vector = 0;

        for (; vector + TILE_VECTORS <= work->vectors; vector += TILE_VECTORS) {
            add_bits_tile(work, panel, vector, begin, end, 1, TILE_VECTORS);
        }
        for (; vector < work->vectors; vector++) {
            add_bits_tile(work, panel, vector, begin, end, 1, 1);
        }
    }
}

AVX2 static void add_bits(const ebnn_bit_panels *work)
{
    for (uint32_t begin = 0; begin < work->octets; begin += WIDE_OCTETS) {
        const uint32_t left = work->octets - begin;

        add_bits_range(work, begin, begin + (left < WIDE_OCTETS ? left : WIDE_OCTETS));
    }
}

/* Quads whose pairs of products, at most 2 * 255 each, can be added up in 16 bits with a sign. */
#define WIDE_QUADS UINT32_C(64)

AVX2_INLINE void add_bytes_tile(const ebnn_byte_panels *work, size_t panel, size_t vector, int panels, int vectors)
{
    const size_t quad_bytes = 4 * EBNN_BYTE_PANEL_ROWS;
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i totals[TILE_PANELS][TILE_VECTORS];

    for (int p = 0; p < panels; p++) {
        for (int v = 0; v < vectors; v++) {
            totals[p][v] = _mm256_setzero_si256();
        }
    }
    for (uint32_t begin = 0; begin < work->quads; begin += WIDE_QUADS) {
        const uint32_t left = work->quads - begin, stop = begin + (left < WIDE_QUADS ? left : WIDE_QUADS);
        __m256i pairs[TILE_PANELS][TILE_VECTORS];

        for (int p = 0; p < panels; p++) {
            for (int v = 0; v < vectors; v++) {
                pairs[p][v] = _mm256_setzero_si256();
            }
        }
        for (uint32_t quad = begin; quad < stop; quad++) {
            __m256i weights[TILE_PANELS];

            for (int p = 0; p < panels; p++) {
                weights[p] = load(work->weights + ((panel + (size_t)p) * work->quads + quad) * quad_bytes);
            }
            for (int v = 0; v < vectors; v++) {
                int32_t four;
                __m256i values;

                memcpy(&four, work->values + (vector + (size_t)v) * work->values_stride + 4 * (size_t)quad, 4);
                values = _mm256_set1_epi32(four);
                for (int p = 0; p < panels; p++) {
                    pairs[p][v] = _mm256_add_epi16(pairs[p][v], _mm256_maddubs_epi16(values, weights[p]));
                }
            }
        }
        for (int p = 0; p < panels; p++) {
            for (int v = 0; v < vectors; v++) {
                totals[p][v] = _mm256_add_epi32(totals[p][v], _mm256_madd_epi16(pairs[p][v], ones));
            }
        }
    }
    for (int p = 0; p < panels; p++) {
        const size_t first = (panel + (size_t)p) * EBNN_BYTE_PANEL_ROWS;

        for (int v = 0; v < vectors; v++) {
            add_eight(work->sums + (vector + (size_t)v) * work->sums_stride + first, totals[p][v], work->factor,
                      work->rows - first);
        }
    }
}

AVX2 static void add_bytes(const ebnn_byte_panels *work)
{
    const size_t panels = (work->rows + EBNN_BYTE_PANEL_ROWS - 1) / EBNN_BYTE_PANEL_ROWS;
    size_t panel = 0;

    for (; panel + TILE_PANELS <= panels; panel += TILE_PANELS) {
        size_t vector = 0;

        for (; vector + TILE_VECTORS <= work->vectors; vector += TILE_VECTORS) {
            add_bytes_tile(work, panel, vector, TILE_PANELS, TILE_VECTORS);
        }
        for (; vector < work->vectors; vector++) {
            add_bytes_tile(work, panel, vector, TILE_PANELS, 1);
        }
    }
    if (panel < panels) {
        for (size_t vector = 0; vector < work->vectors; vector++) {
            add_bytes_tile(work, panel, vector, 1, 1);
        }
    }
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

#define REGISTER_VALUES 16

AVX2_INLINE __m256i load_values(const int16_t *values)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)values);
}

/* The sum of the eight 32-bit lanes, modulo 2^32. */
AVX2_INLINE uint32_t sum_eight(__m256i lanes)
{
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));

    return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, _MM_SHUFFLE(2, 3, 0, 1))));
}

/* A weight has eight bits, so the pairs that are added before they are widened stay inside 32. */
AVX2_INLINE void dot_tile(const int16_t *row, const int16_t *vectors, size_t length, int count, uint32_t *sums,
                          size_t sums_stride)
{
    __m256i totals[4];

    for (int v = 0; v < count; v++) {
        totals[v] = _mm256_setzero_si256();
    }
    for (size_t i = 0; i < length; i += REGISTER_VALUES) {
        const __m256i weights = load_values(row + i);

        for (int v = 0; v < count; v++) {
            const __m256i pairs = _mm256_madd_epi16(weights, load_values(vectors + (size_t)v * length + i));

            totals[v] = _mm256_add_epi32(totals[v], pairs);
        }
    }
    for (int v = 0; v < count; v++) {
        sums[(size_t)v * sums_stride] = sum_eight(totals[v]);
    }
}

AVX2 static void dot_values(const int16_t *row, const int16_t *vectors, size_t length, size_t count, uint32_t *sums,
                            size_t sums_stride)
{
    size_t vector = 0;

    for (; vector + 4 <= count; vector += 4) {
        dot_tile(row, vectors + vector * length, length, 4, sums + vector * sums_stride, sums_stride);
    }
    for (; vector < count; vector++) {
        dot_tile(row, vectors + vector * length, length, 1, sums + vector * sums_stride, sums_stride);
    }
}

const ebnn_kernel ebnn_kernel_avx2 = {add_bits, add_bytes, threshold_bits, dot_values, ebnn_philox_rows_avx2};

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx2;

#endif
