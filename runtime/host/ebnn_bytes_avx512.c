/*
 * ebnn_bytes_avx512.c: bytes and integers of 16 bits with AVX-512 and VNNI.
 *
 * The weights of four inputs are four bytes of a lane, which are multiplied and added in one step (vpdpbusd); bits and
 * trits are spread out for it. Integers of 16 bits go in pairs (vpdpwssd).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_kernel.h"

#if defined(__x86_64__)

#include <string.h>

#include "ebnn_panels_avx512.h"

#define TILE_VECTORS 8

/* Octets at a time: a panel's weights of them as bytes, 8 KB, stay in the nearest cache. */
#define RANGE_OCTETS UINT32_C(32)

typedef __m512i byte_weights[2 * RANGE_OCTETS][HALVES];

/* The weights of octets `begin` to `end` of a panel, +1, -1 or 0 in a byte; those of four inputs are a lane. */
AVX512_INLINE void spread_weights(const ebnn_byte_panels *work, size_t panel, uint32_t begin, uint32_t end,
                                  byte_weights weights)
{
    const size_t offset = (panel * work->octets + begin) * EBNN_PANEL_ROWS;
    const __m512i rows = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i four_times = _mm512_mullo_epi32(rows, broadcast(0x01010101));

    for (uint32_t i = 0; i < 2 * (end - begin); i++) {
        /* bits 0 to 3 of an octet, then its bits 4 to 7 */
        const __m512i bits = broadcast(i % 2 == 0 ? 0x08040201 : 0x80402010);
        const size_t octet = offset + i / 2 * EBNN_PANEL_ROWS;

        for (uint32_t half = 0; half < HALVES; half++) {
            const __m512i order = _mm512_add_epi32(four_times, broadcast(half * 0x10101010));
            __m512i octets =
                _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)(work->plus + octet)));
            __mmask64 set = _mm512_test_epi8_mask(_mm512_permutexvar_epi8(order, octets), bits);

            weights[i][half] = _mm512_maskz_set1_epi8(set, 1);
            if (work->minus != NULL) {
                octets =
                    _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)(work->minus + octet)));
                set = _mm512_test_epi8_mask(_mm512_permutexvar_epi8(order, octets), bits);
                weights[i][half] = _mm512_mask_set1_epi8(weights[i][half], set, -1);
            }
        }
    }
}

AVX512_INLINE void add_bytes_tile(const ebnn_byte_panels *work, size_t panel, size_t vector, uint32_t begin,
                                  uint32_t end, byte_weights weights, int vectors)
{
    const size_t first = panel * EBNN_PANEL_ROWS;
    const uint8_t *values = work->values + vector * work->values_stride + 8 * (size_t)begin;
    __m512i totals[TILE_VECTORS][HALVES];

    for (int v = 0; v < vectors; v++) {
        totals[v][0] = totals[v][1] = _mm512_setzero_si512();
    }
    for (uint32_t i = 0; i < 2 * (end - begin); i++) {
        for (int v = 0; v < vectors; v++) {
            uint32_t four;
            __m512i inputs;

            memcpy(&four, values + (size_t)v * work->values_stride + 4 * (size_t)i, sizeof four);
            inputs = broadcast(four);
            for (int half = 0; half < HALVES; half++) {
                totals[v][half] = _mm512_dpbusd_epi32(totals[v][half], inputs, weights[i][half]);
            }
        }
    }
    for (int v = 0; v < vectors; v++) {
        add_totals(work->sums + (vector + (size_t)v) * work->sums_stride + first, totals[v], work->factor,
                   work->rows - first);
    }
}

AVX512 void ebnn_add_bytes_avx512(const ebnn_byte_panels *work)
{
    for (uint32_t begin = 0; begin < work->octets; begin += RANGE_OCTETS) {
        const uint32_t left = work->octets - begin, end = begin + (left < RANGE_OCTETS ? left : RANGE_OCTETS);

        for (size_t panel = 0; panel * EBNN_PANEL_ROWS < work->rows; panel++) {
            byte_weights weights;
            size_t vector = 0;

            spread_weights(work, panel, begin, end, weights);
            for (; vector + TILE_VECTORS <= work->vectors; vector += TILE_VECTORS) {
                add_bytes_tile(work, panel, vector, begin, end, weights, TILE_VECTORS);
            }
            for (; vector < work->vectors; vector++) {
                add_bytes_tile(work, panel, vector, begin, end, weights, 1);
            }
        }
    }
}

#define DOT_ROWS 4
#define DOT_VECTORS 4

/* Rows against vectors of bytes, or of 16 bits. */
typedef struct dots {
    const int8_t *rows;
    const uint8_t *vectors;
    size_t length;
    uint32_t *sums;
    size_t sums_stride;
} dots;

/* Weights of a register of inputs. */
AVX512_INLINE __m512i load_row(const int8_t *weights, bool wide)
{
    return wide ? _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)weights))
                : _mm512_loadu_si512(weights);
}

AVX512_INLINE void dot_tile(const dots *work, size_t row, size_t vector, bool wide, int rows, int vectors)
{
    const size_t bytes = wide ? 2 * work->length : work->length, values = wide ? 32 : 64;
    const int8_t *weights = work->rows + row * work->length;
    const uint8_t *inputs = work->vectors + vector * bytes;
    __m512i totals[DOT_ROWS][DOT_VECTORS];

    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            totals[r][v] = _mm512_setzero_si512();
        }
    }
    for (size_t i = 0; i < work->length; i += values) {
        __m512i loaded[DOT_VECTORS];

        for (int v = 0; v < vectors; v++) {
            loaded[v] = _mm512_loadu_si512(inputs + (size_t)v * bytes + (wide ? 2 * i : i));
        }
        for (int r = 0; r < rows; r++) {
            const __m512i of_row = load_row(weights + (size_t)r * work->length + i, wide);

            for (int v = 0; v < vectors; v++) {
                totals[r][v] = wide ? _mm512_dpwssd_epi32(totals[r][v], loaded[v], of_row)
                                    : _mm512_dpbusd_epi32(totals[r][v], loaded[v], of_row);
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            work->sums[(vector + (size_t)v) * work->sums_stride + row + (size_t)r] =
                (uint32_t)_mm512_reduce_add_epi32(totals[r][v]);
        }
    }
}

/* A few vectors, which stay in the nearest cache, against all rows. */
AVX512_INLINE void dot_vectors(const dots *work, size_t rows, size_t vector, bool wide, int vectors)
{
    size_t row = 0;

    for (; row + DOT_ROWS <= rows; row += DOT_ROWS) {
        dot_tile(work, row, vector, wide, DOT_ROWS, vectors);
    }
    for (; row < rows; row++) {
        dot_tile(work, row, vector, wide, 1, vectors);
    }
}

AVX512_INLINE void dot_all(const dots *work, size_t rows, size_t count, bool wide)
{
    size_t vector = 0;

    for (; vector + DOT_VECTORS <= count; vector += DOT_VECTORS) {
        dot_vectors(work, rows, vector, wide, DOT_VECTORS);
    }
    for (; vector < count; vector++) {
        dot_vectors(work, rows, vector, wide, 1);
    }
}

AVX512 void ebnn_dot_values_avx512(const ebnn_dots *work)
{
    const dots all = {
        work->rows, (const uint8_t *)work->vectors, work->length, work->sums, work->sums_stride,
    };

    dot_all(&all, work->row_count, work->vector_count, true);
}

AVX512 void ebnn_dot_bytes_avx512(const ebnn_byte_dots *work)
{
    const dots all = {work->rows, work->vectors, work->length, work->sums, work->sums_stride};

    dot_all(&all, work->row_count, work->vector_count, false);
}

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx512_bytes;

#endif
