/*
 * ebnn_listing_avx512.c: listed inputs with AVX-512, 512 neurons a register; a full adder is two instructions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_listing.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define AVX512 __attribute__((target("avx512f")))
#define AVX512_INLINE static inline __attribute__((target("avx512f"), always_inline))

/* Of three bits: whether an odd number of them is set, and whether most are. */
#define ODD 0x96
#define MOST 0xE8

/* sum + a + b = sum + 2 * the answer, for each bit. */
AVX512_INLINE __m512i add(__m512i *sum, __m512i a, __m512i b)
{
    const __m512i carry = _mm512_ternarylogic_epi32(*sum, a, b, MOST);

    *sum = _mm512_ternarylogic_epi32(*sum, a, b, ODD);
    return carry;
}

AVX512_INLINE __m512i load(const uint8_t *weights, uint32_t place)
{
    return _mm512_loadu_si512(weights + (size_t)place * sizeof(__m512i));
}

AVX512_INLINE __m512i add_two(const uint8_t *weights, const uint16_t *places, __m512i *twos)
{
    return add(twos, load(weights, places[0]), load(weights, places[1]));
}

AVX512_INLINE __m512i add_four(const uint8_t *weights, const uint16_t *places, __m512i planes[5])
{
    const __m512i first = add_two(weights, places, &planes[0]);

    return add(&planes[1], first, add_two(weights, places + 2, &planes[0]));
}

AVX512_INLINE __m512i add_eight(const uint8_t *weights, const uint16_t *places, __m512i planes[5])
{
    const __m512i first = add_four(weights, places, planes);

    return add(&planes[2], first, add_four(weights, places + 4, planes));
}

AVX512_INLINE __m512i add_sixteen(const uint8_t *weights, const uint16_t *places, __m512i planes[5])
{
    const __m512i first = add_eight(weights, places, planes);

    return add(&planes[3], first, add_eight(weights, places + 8, planes));
}

AVX512 static void answer(const ebnn_listing *work)
{
    __m512i low[5], planes[EBNN_MOST_LIST_PLANES], reached = _mm512_set1_epi32(-1);

    for (uint32_t plane = 0; plane < work->planes; plane++) {
        planes[plane] = _mm512_set1_epi32(0 - (int32_t)(work->seed >> plane & 1));
    }
    memcpy(low, planes + work->first, sizeof low); /* stay in registers */
    for (uint32_t block = 0; block < work->blocks; block++) {
        const uint16_t *places = work->places + block * EBNN_LISTED_BLOCK;
        const __m512i first = add_sixteen(work->rows, places, low);
        __m512i carry = add(&low[4], first, add_sixteen(work->rows, places + 16, low));

        for (uint32_t plane = work->first + 5; plane < work->planes; plane++) {
            const __m512i next = _mm512_and_si512(planes[plane], carry);

            planes[plane] = _mm512_xor_si512(planes[plane], carry);
            carry = next;
        }
    }
    memcpy(planes + work->first, low, sizeof low);
    for (uint32_t plane = 0; plane < work->planes; plane++) {
        reached = _mm512_ternarylogic_epi32(reached, planes[plane], load(work->limits, plane), MOST);
    }
    _mm512_storeu_si512(work->answers, _mm512_xor_si512(reached, load(work->limits, work->planes)));
}

AVX512 void ebnn_answer_avx512(const ebnn_listing *work)
{
    if (work->bytes == sizeof(__m512i)) {
        answer(work);
    } else {
        ebnn_answer_avx2(work);
    }
}

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx512_listing;

#endif
