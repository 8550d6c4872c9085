/*
 * ebnn_listing_avx2.c: listed inputs with AVX2, 256 neurons a register.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_listing.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE static inline __attribute__((target("avx2"), always_inline))

/* sum + a + b = sum + 2 * the answer, for each bit. */
AVX2_INLINE __m256i add(__m256i *sum, __m256i a, __m256i b)
{
    const __m256i unlike = _mm256_xor_si256(a, b);
    const __m256i carry = _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(unlike, *sum));

    *sum = _mm256_xor_si256(unlike, *sum);
    return carry;
}

AVX2_INLINE __m256i load(const uint8_t *bytes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

AVX2_INLINE __m256i add_two(const uint8_t *weights, size_t bytes, const uint16_t *places, __m256i *twos)
{
    return add(twos, load(weights + places[0] * bytes), load(weights + places[1] * bytes));
}

AVX2_INLINE __m256i add_four(const uint8_t *weights, size_t bytes, const uint16_t *places, __m256i planes[5])
{
    const __m256i first = add_two(weights, bytes, places, &planes[0]);

    return add(&planes[1], first, add_two(weights, bytes, places + 2, &planes[0]));
}

AVX2_INLINE __m256i add_eight(const uint8_t *weights, size_t bytes, const uint16_t *places, __m256i planes[5])
{
    const __m256i first = add_four(weights, bytes, places, planes);

    return add(&planes[2], first, add_four(weights, bytes, places + 4, planes));
}

AVX2_INLINE __m256i add_sixteen(const uint8_t *weights, size_t bytes, const uint16_t *places, __m256i planes[5])
{
    const __m256i first = add_eight(weights, bytes, places, planes);

    return add(&planes[3], first, add_eight(weights, bytes, places + 8, planes));
}

AVX2_INLINE void answer(const ebnn_listing *work, size_t bytes, size_t offset)
{
    const uint8_t *weights = work->rows + offset;
    __m256i low[5], planes[EBNN_MOST_LIST_PLANES], reached = _mm256_set1_epi8(-1);

    for (uint32_t plane = 0; plane < work->planes; plane++) {
        planes[plane] = _mm256_set1_epi32(0 - (int32_t)(work->seed >> plane & 1));
    }
    memcpy(low, planes + work->first, sizeof low); /* stay in registers */
    for (uint32_t block = 0; block < work->blocks; block++) {
        const uint16_t *places = work->places + block * EBNN_LISTED_BLOCK;
        const __m256i first = add_sixteen(weights, bytes, places, low);
        __m256i carry = add(&low[4], first, add_sixteen(weights, bytes, places + 16, low));

        for (uint32_t plane = work->first + 5; plane < work->planes; plane++) {
            const __m256i next = _mm256_and_si256(planes[plane], carry);

            planes[plane] = _mm256_xor_si256(planes[plane], carry);
            carry = next;
        }
    }
    memcpy(planes + work->first, low, sizeof low);
    for (uint32_t plane = 0; plane < work->planes; plane++) {
        const __m256i missing = load(work->limits + plane * bytes + offset);

        /* the majority of the three */
        reached = _mm256_or_si256(_mm256_and_si256(planes[plane], missing),
                                  _mm256_and_si256(_mm256_or_si256(planes[plane], missing), reached));
    }
    reached = _mm256_xor_si256(reached, load(work->limits + work->planes * bytes + offset));
    _mm256_storeu_si256((__m256i *)(void *)(work->answers + offset), reached);
}

AVX2 void ebnn_answer_avx2(const ebnn_listing *work)
{
    if (work->bytes == 32) {
        answer(work, 32, 0);
    } else {
        answer(work, 64, 0);
        answer(work, 64, 32);
    }
}

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx2_listing;

#endif
