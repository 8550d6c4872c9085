/*
 * ebnn_bytes_avx2.c: bytes and integers of 16 bits with AVX2.
 *
 * Against weights that are bits or trits, bytes are looked up as bits are, in tables of all choices of four values that
 * are made for each vector, one of the values' low halves and one of their high ones.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_kernel.h"

#if defined(__x86_64__)

#include <string.h>

#include "ebnn_panels_avx2.h"

#define TILE_VECTORS 4

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

/* Of two octets the sums of the chosen low halves, or of the high ones, whose tables lie 16 bytes behind. */
AVX2_INLINE __m256i look_up(const uint8_t *table, const __m256i former[2], const __m256i latter[2])
{
    const __m256i first = _mm256_add_epi8(_mm256_shuffle_epi8(table_at(table), former[0]),
                                          _mm256_shuffle_epi8(table_at(table + 32), latter[0]));
    const __m256i second = _mm256_add_epi8(_mm256_shuffle_epi8(table_at(table + OCTET_TABLES), former[1]),
                                           _mm256_shuffle_epi8(table_at(table + OCTET_TABLES + 32), latter[1]));

    return _mm256_add_epi8(first, second);
}

/* A panel's octets `begin` to `end`, an even number, against vectors whose tables are made. */
AVX2_INLINE void add_bytes_tile(const ebnn_byte_panels *work, const uint8_t *rows, uint32_t factor, size_t panel,
                                size_t vector, uint32_t begin, uint32_t end, const uint8_t *tables, int vectors)
{
    const __m256i nibble = _mm256_set1_epi8(15), weight = _mm256_set1_epi16(0x1001); /* 1 and 16 */
    const uint8_t *weights = rows + (panel * work->octets + begin) * EBNN_PANEL_ROWS;
    const size_t first = panel * EBNN_PANEL_ROWS;
    __m256i wide[TILE_VECTORS][2];

    for (int v = 0; v < vectors; v++) {
        wide[v][0] = wide[v][1] = _mm256_setzero_si256();
    }
    for (uint32_t octet = 0; octet < end - begin; octet += 2, weights += 2 * EBNN_PANEL_ROWS) {
        __m256i former[2], latter[2];

        for (int i = 0; i < 2; i++) {
            const __m256i both = load(weights + i * EBNN_PANEL_ROWS);

            former[i] = _mm256_and_si256(both, nibble);
            latter[i] = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
        }
        for (int v = 0; v < vectors; v++) {
            const uint8_t *table = tables + ((size_t)v * TABLE_OCTETS + octet) * OCTET_TABLES;
            const __m256i low = look_up(table, former, latter), high = look_up(table + 16, former, latter);

            wide[v][0] = _mm256_add_epi16(wide[v][0], _mm256_maddubs_epi16(_mm256_unpacklo_epi8(low, high), weight));
            wide[v][1] = _mm256_add_epi16(wide[v][1], _mm256_maddubs_epi16(_mm256_unpackhi_epi8(low, high), weight));
        }
    }
    for (int v = 0; v < vectors; v++) {
        add_wide(work->sums + (vector + (size_t)v) * work->sums_stride + first, wide[v], factor, work->rows - first);
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
        add_bytes_tile(work, work->plus, work->factor, panel, vector, begin, end, tables, vectors);
        if (work->minus != NULL) {
            add_bytes_tile(work, work->minus, 0 - work->factor, panel, vector, begin, end, tables, vectors);
        }
    }
}

AVX2 void ebnn_add_bytes_avx2(const ebnn_byte_panels *work)
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

#define REGISTER_VALUES 16

/* The sum of the eight 32-bit lanes, modulo 2^32. */
AVX2_INLINE uint32_t sum_eight(__m256i lanes)
{
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));

    return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, _MM_SHUFFLE(2, 3, 0, 1))));
}

#define DOT_ROWS 2
#define DOT_VECTORS 4

AVX2_INLINE __m256i widened(const int8_t *weights)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)weights));
}

/* A weight has eight bits, so the pairs that are added before they are widened stay inside 32. */
AVX2_INLINE void dot_tile(const ebnn_dots *work, size_t row, size_t vector, int rows, int vectors)
{
    const int8_t *weights = work->rows + row * work->length;
    const int16_t *values = work->vectors + vector * work->length;
    __m256i totals[DOT_ROWS][DOT_VECTORS];

    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            totals[r][v] = _mm256_setzero_si256();
        }
    }
    for (size_t i = 0; i < work->length; i += REGISTER_VALUES) {
        __m256i row_values[DOT_ROWS];

        for (int r = 0; r < rows; r++) {
            row_values[r] = widened(weights + (size_t)r * work->length + i);
        }
        for (int v = 0; v < vectors; v++) {
            const __m256i inputs = load(values + (size_t)v * work->length + i);

            for (int r = 0; r < rows; r++) {
                totals[r][v] = _mm256_add_epi32(totals[r][v], _mm256_madd_epi16(row_values[r], inputs));
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            work->sums[(vector + (size_t)v) * work->sums_stride + row + (size_t)r] = sum_eight(totals[r][v]);
        }
    }
}

/* A few vectors, which stay in the nearest cache, against all rows. */
AVX2_INLINE void dot_vectors(const ebnn_dots *work, size_t vector, int vectors)
{
    size_t row = 0;

    for (; row + DOT_ROWS <= work->row_count; row += DOT_ROWS) {
        dot_tile(work, row, vector, DOT_ROWS, vectors);
    }
    for (; row < work->row_count; row++) {
        dot_tile(work, row, vector, 1, vectors);
    }
}

AVX2 void ebnn_dot_values_avx2(const ebnn_dots *work)
{
    size_t vector = 0;

    for (; vector + DOT_VECTORS <= work->vector_count; vector += DOT_VECTORS) {
        dot_vectors(work, vector, DOT_VECTORS);
    }
    for (; vector < work->vector_count; vector++) {
        dot_vectors(work, vector, 1);
    }
}

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx2_bytes;

#endif
