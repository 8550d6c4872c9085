/*
 * ebnn_panels_avx2.h: what the kernels for AVX2 share: the totals of a panel, which stand in 16 bits, into the sums.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_PANELS_AVX2_H
#define EBNN_PANELS_AVX2_H

#include "ebnn_kernel.h"

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE static inline __attribute__((target("avx2"), always_inline))

void ebnn_add_bytes_avx2(const ebnn_byte_panels *work);
void ebnn_dot_values_avx2(const ebnn_dots *work);

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

/* A table of 16 bytes in both halves of a register. */
AVX2_INLINE __m256i table_at(const uint8_t *table)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

#endif
