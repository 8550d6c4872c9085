/*
 * ebnn_adding_avx2.c: eight sums at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_difference.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define LANES 8

AVX2 static inline void add_eight(uint32_t *sums, __m256i values, __m256i factor)
{
    __m256i *at = (__m256i *)(void *)sums;

    _mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at), _mm256_mullo_epi32(values, factor)));
}

AVX2 static void add_values(uint32_t *sums, const int16_t *values, int32_t factor, size_t count)
{
    const __m256i factors = _mm256_set1_epi32(factor);
    size_t i = 0;

    for (; i + LANES <= count; i += LANES) {
        const __m128i eight = _mm_loadu_si128((const __m128i *)(const void *)(values + i));

        add_eight(sums + i, _mm256_cvtepi16_epi32(eight), factors);
    }
    ebnn_adding_portable.add_values(sums + i, values + i, factor, count - i);
}

AVX2 static void add_weights(uint32_t *sums, const int8_t *weights, int32_t factor, size_t count)
{
    const __m256i factors = _mm256_set1_epi32(factor);
    size_t i = 0;

    for (; i + LANES <= count; i += LANES) {
        const __m128i eight = _mm_loadl_epi64((const __m128i *)(const void *)(weights + i));

        add_eight(sums + i, _mm256_cvtepi8_epi32(eight), factors);
    }
    ebnn_adding_portable.add_weights(sums + i, weights + i, factor, count - i);
}

const ebnn_adding_kernel ebnn_adding_avx2 = {add_values, add_weights};

#else

/* a translation unit may not be empty */
typedef int ebnn_no_adding_avx2;

#endif
