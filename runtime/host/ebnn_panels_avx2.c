/*
 * ebnn_panels_avx2.c: the kernels for AVX2.
 *
 * Bits: a code's row of the table lies in a register, in which the nibbles of 32 rows are looked up at once (pshufb) and
 * added up in bytes, which are widened before they overflow. Bytes: the same, in tables of all choices of four values
 * that are made for each vector, one of the values' low halves and one of their high ones. A tile of panels x vectors
 * stays in registers, so that whatever is loaded is used several times.
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

/* The same of a panel's 16-bit totals: unpacking goes half a register by half a register, so 0 to 7, 8 to 15, ... */
AVX2_INLINE void add_wide(uint32_t *sums, const __m256i wide[2], uint32_t factor, size_t rows)
{
    for (size_t i = 0; i < 4 && 8 * i < rows; i++) {
        const __m256i part = wide[i % 2];
        const __m128i eight = i < 2 ? _mm256_castsi256_si128(part) : _mm256_extracti128_si256(part, 1);

        add_eight(sums + 8 * i, _mm256_cvtepu16_epi32(eight), factor, rows - 8 * i);
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
        weights[p] = work->weights + (panel + (size_t)p) * work->octets * EBNN_PANEL_ROWS;
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
                const __m256i both = load(weights[p] + (size_t)octet * EBNN_PANEL_ROWS);

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
        const size_t first = (panel + (size_t)p) * EBNN_PANEL_ROWS;

        for (int v = 0; v < vectors; v++) {
            add_wide(work->sums + (vector + (size_t)v) * work->sums_stride + first, wide[p][v], work->factor,
                     work->rows - first);
        }
    }
}

AVX2_INLINE void add_bits_range(const ebnn_bit_panels *work, uint32_t begin, uint32_t end)
{
    const size_t panels = (work->rows + EBNN_PANEL_ROWS - 1) / EBNN_PANEL_ROWS;
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

/* Octets whose values, 8 * 255 each, can be added up in 16 bits; their tables stay in the nearest cache. */
#define TABLE_OCTETS UINT32_C(32)
#define OCTET_TABLES 64

/* An octet's tables: of its first four values the low halves' and the high halves', then of the other four. */
AVX2_INLINE void make_tables(const uint8_t *values, uint8_t *tables)
{
    const __m256i low_then_high = _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4), half = _mm256_set1_epi8(15);
    __m256i choices[4];

    /* entry c picks value i where bit i of c is set, else nothing */
    choices[0] = _mm256_broadcastsi128_si256(_mm_setr_epi8(-1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0));
    choices[1] = _mm256_broadcastsi128_si256(_mm_setr_epi8(-1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1));
    choices[2] = _mm256_broadcastsi128_si256(_mm_setr_epi8(-1, -1, -1, -1, 2, 2, 2, 2, -1, -1, -1, -1, 2, 2, 2, 2));
    choices[3] = _mm256_broadcastsi128_si256(_mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 3, 3, 3, 3, 3, 3, 3, 3));
    for (int i = 0; i < 2; i++) {
        int32_t four;
        __m256i each, sums;

        memcpy(&four, values + 4 * i, 4);
        each = _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32(four), low_then_high), half);
        sums = _mm256_add_epi8(_mm256_shuffle_epi8(each, choices[0]), _mm256_shuffle_epi8(each, choices[1]));
        sums = _mm256_add_epi8(sums, _mm256_shuffle_epi8(each, choices[2]));
        store(tables + 32 * i, _mm256_add_epi8(sums, _mm256_shuffle_epi8(each, choices[3])));
    }
}

AVX2_INLINE __m256i table_at(const uint8_t *table)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

/* A panel's octets `begin` to `end`, an even number, against vectors whose tables are made. */
AVX2_INLINE void add_bytes_tile(const ebnn_byte_panels *work, size_t panel, size_t vector, uint32_t begin, uint32_t end,
                                const uint8_t *tables, int vectors)
{
    const __m256i nibble = _mm256_set1_epi8(15), weight = _mm256_set1_epi16(0x1001); /* 1 and 16 */
    const uint8_t *weights = work->weights + (panel * work->octets + begin) * EBNN_PANEL_ROWS;
    const size_t first = panel * EBNN_PANEL_ROWS;
    __m256i wide[TILE_VECTORS][2];

    for (int v = 0; v < vectors; v++) {
        wide[v][0] = wide[v][1] = _mm256_setzero_si256();
    }
    for (uint32_t octet = 0; octet < end - begin; octet += 2, weights += 2 * EBNN_PANEL_ROWS) {
        __m256i low[TILE_VECTORS], high[TILE_VECTORS];

        for (int i = 0; i < 2; i++) {
            const __m256i both = load(weights + i * EBNN_PANEL_ROWS);
            const __m256i former = _mm256_and_si256(both, nibble);
            const __m256i latter = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);

            for (int v = 0; v < vectors; v++) {
                const uint8_t *table = tables + ((size_t)v * TABLE_OCTETS + octet + (uint32_t)i) * OCTET_TABLES;
                const __m256i lows = _mm256_add_epi8(_mm256_shuffle_epi8(table_at(table), former),
                                                     _mm256_shuffle_epi8(table_at(table + 32), latter));
                const __m256i highs = _mm256_add_epi8(_mm256_shuffle_epi8(table_at(table + 16), former),
                                                      _mm256_shuffle_epi8(table_at(table + 48), latter));

                low[v] = i == 0 ? lows : _mm256_add_epi8(low[v], lows);
                high[v] = i == 0 ? highs : _mm256_add_epi8(high[v], highs);
            }
        }
        for (int v = 0; v < vectors; v++) {
            wide[v][0] =
                _mm256_add_epi16(wide[v][0], _mm256_maddubs_epi16(_mm256_unpacklo_epi8(low[v], high[v]), weight));
            wide[v][1] =
                _mm256_add_epi16(wide[v][1], _mm256_maddubs_epi16(_mm256_unpackhi_epi8(low[v], high[v]), weight));
        }
    }
    for (int v = 0; v < vectors; v++) {
        add_wide(work->sums + (vector + (size_t)v) * work->sums_stride + first, wide[v], work->factor,
                 work->rows - first);
    }
}

AVX2_INLINE void add_bytes_of(const ebnn_byte_panels *work, size_t vector, uint32_t begin, uint32_t end, int vectors)
{
    uint8_t tables[TILE_VECTORS * TABLE_OCTETS * OCTET_TABLES];

    for (int v = 0; v < vectors; v++) {
        const uint8_t *values = work->values + (vector + (size_t)v) * work->values_stride;

        for (uint32_t octet = begin; octet < end; octet++) {
            make_tables(values + 8 * (size_t)octet, tables + ((size_t)v * TABLE_OCTETS + octet - begin) * OCTET_TABLES);
        }
    }
    for (size_t panel = 0; panel * EBNN_PANEL_ROWS < work->rows; panel++) {
        add_bytes_tile(work, panel, vector, begin, end, tables, vectors);
    }
}

AVX2 static void add_bytes(const ebnn_byte_panels *work)
{
    for (uint32_t begin = 0; begin < work->octets; begin += TABLE_OCTETS) {
        const uint32_t left = work->octets - begin, end = begin + (left < TABLE_OCTETS ? left : TABLE_OCTETS);
        size_t vector = 0;

        for (; vector + TILE_VECTORS <= work->vectors; vector += TILE_VECTORS) {
            add_bytes_of(work, vector, begin, end, TILE_VECTORS);
        }
        for (; vector < work->vectors; vector++) {
            add_bytes_of(work, vector, begin, end, 1);
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
