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

/* Planes that stay in registers: two blocks are added up before a carry goes beyond them. */
#define LOW_PLANES 6

/* Two rows, or what two additions carried: the first of them, and where the other is unlike it. */
typedef struct pair {
    __m256i first;
    __m256i unlike;
} pair;

AVX2_INLINE __m256i load(const uint8_t *bytes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

AVX2_INLINE pair pair_of(__m256i first, __m256i second)
{
    const pair both = {first, _mm256_xor_si256(first, second)};

    return both;
}

/* sum + the pair = sum + 2 * the answer, for each bit. */
AVX2_INLINE __m256i add_pair(__m256i *sum, pair a)
{
    const __m256i other = _mm256_and_si256(a.unlike, _mm256_xor_si256(a.first, *sum));

    *sum = _mm256_xor_si256(*sum, a.unlike);
    return _mm256_xor_si256(a.first, other);
}

/*
 * sum + both pairs = sum + 2 * the answer's two, in eight operations where two full adders take ten (Demenkov, Kojevnikov,
 * Kulikov and Yaroslavtsev, "New upper bounds on the Boolean circuit complexity of symmetric functions", 2010).
 */
AVX2_INLINE pair add_pairs(__m256i *sum, pair a, pair b)
{
    const __m256i half = _mm256_xor_si256(*sum, a.unlike);
    const __m256i alike = _mm256_or_si256(a.unlike, _mm256_xor_si256(a.first, half));
    const __m256i other = _mm256_andnot_si256(b.unlike, _mm256_xor_si256(b.first, half));
    const pair carried = {_mm256_xor_si256(half, alike), _mm256_xor_si256(alike, other)};

    *sum = _mm256_xor_si256(half, b.unlike);
    return carried;
}

AVX2_INLINE pair load_pair(const uint8_t *weights, size_t bytes, const uint16_t *places)
{
    return pair_of(load(weights + places[0] * bytes), load(weights + places[1] * bytes));
}

AVX2_INLINE pair add_four(const uint8_t *weights, size_t bytes, const uint16_t *places, __m256i low[LOW_PLANES])
{
    const pair first = load_pair(weights, bytes, places);

    return add_pairs(&low[0], first, load_pair(weights, bytes, places + 2));
}

AVX2_INLINE pair add_eight(const uint8_t *weights, size_t bytes, const uint16_t *places, __m256i low[LOW_PLANES])
{
    const pair first = add_four(weights, bytes, places, low);

    return add_pairs(&low[1], first, add_four(weights, bytes, places + 4, low));
}

AVX2_INLINE pair add_sixteen(const uint8_t *weights, size_t bytes, const uint16_t *places, __m256i low[LOW_PLANES])
{
    const pair first = add_eight(weights, bytes, places, low);

    return add_pairs(&low[2], first, add_eight(weights, bytes, places + 8, low));
}

AVX2_INLINE __m256i add_block(const uint8_t *weights, size_t bytes, const uint16_t *places, __m256i low[LOW_PLANES])
{
    const pair first = add_sixteen(weights, bytes, places, low);

    return add_pair(&low[4], add_pairs(&low[3], first, add_sixteen(weights, bytes, places + 16, low)));
}

/* Adds all listed rows; of the planes those from `first` on count them. */
AVX2_INLINE void add_listed(const ebnn_listing *work, size_t bytes, size_t offset, __m256i *planes)
{
    const uint8_t *weights = work->rows + offset;
    const uint16_t *places = work->places, *end = places + (size_t)work->blocks * EBNN_LISTED_BLOCK;
    __m256i low[LOW_PLANES], carry;

    memcpy(low, planes + work->first, sizeof low); /* stay in registers */
    while (places < end) {
        carry = add_block(weights, bytes, places, low);
        places += EBNN_LISTED_BLOCK;
        if (places < end) {
            carry = add_pair(&low[5], pair_of(carry, add_block(weights, bytes, places, low)));
            places += EBNN_LISTED_BLOCK;
        } else {
            carry = add_pair(&low[5], pair_of(carry, _mm256_setzero_si256()));
        }
        for (uint32_t plane = work->first + LOW_PLANES; plane < work->planes; plane++) {
            const __m256i next = _mm256_and_si256(planes[plane], carry);

            planes[plane] = _mm256_xor_si256(planes[plane], carry);
            carry = next;
        }
    }
    memcpy(planes + work->first, low, sizeof low);
}

AVX2_INLINE void answer(const ebnn_listing *work, size_t bytes, size_t offset)
{
    /* the planes in registers may be one more than there are */
    __m256i planes[EBNN_MOST_LIST_PLANES + 1], reached = _mm256_set1_epi8(-1);

    for (uint32_t plane = 0; plane <= work->planes; plane++) {
        planes[plane] = _mm256_set1_epi32(0 - (int32_t)(work->seed >> plane % 32 & 1));
    }
    add_listed(work, bytes, offset, planes);
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
