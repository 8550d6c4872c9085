/*
 * ebnn_bytes_avx512.c: rows of weights of 8 bits against bytes and integers of 16 bits, with AVX-512 and VNNI.
 *
 * Four bytes of a lane are multiplied by their weights and added in one step (vpdpbusd), or two integers of 16 bits
 * (vpdpwssd). Weights that are bits or trits are looked up as with AVX2: spread out to bytes for vpdpbusd, bits took 1.4
 * to 2.6 times as long on Zen 4, and looked up in registers twice as wide no less.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_kernel.h"

#if defined(__x86_64__)

#include "ebnn_panels_avx512.h"

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
