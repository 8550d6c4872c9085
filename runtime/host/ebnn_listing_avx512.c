/*
 * ebnn_listing_avx512.c: listed inputs with AVX-512, 512 neurons a register; a full adder is two instructions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_listing.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define AVX512 __attribute__((target("avx512f,avx512bw")))
#define AVX512_INLINE static inline __attribute__((target("avx512f,avx512bw"), always_inline))

/* Of three bits: whether an odd number of them is set, and whether most are. */
#define ODD 0x96
#define MOST 0xE8

#define LANES UINT32_C(16)
/* Planes of counters that become sums. */
#define SUM_PLANES 16

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

/* Adds listed rows to counters of `count` planes, of which those from `first` on count rows. */
AVX512_INLINE void add_listed(__m512i *planes, uint32_t first, uint32_t count, const uint8_t *rows,
                              const uint16_t *places, uint32_t blocks)
{
    __m512i low[5]; /* stay in registers */

    memcpy(low, planes + first, sizeof low);
    for (uint32_t block = 0; block < blocks; block++, places += EBNN_LISTED_BLOCK) {
        const __m512i former = add_sixteen(rows, places, low);
        __m512i carry = add(&low[4], former, add_sixteen(rows, places + 16, low));

        for (uint32_t plane = first + 5; plane < count; plane++) {
            const __m512i next = _mm512_and_si512(planes[plane], carry);

            planes[plane] = _mm512_xor_si512(planes[plane], carry);
            carry = next;
        }
    }
    memcpy(planes + first, low, sizeof low);
}

AVX512 static void answer(const ebnn_listing *work)
{
    __m512i planes[EBNN_MOST_LIST_PLANES], reached = _mm512_set1_epi32(-1);

    for (uint32_t plane = 0; plane < work->planes; plane++) {
        planes[plane] = _mm512_set1_epi32(0 - (int32_t)(work->seed >> plane & 1));
    }
    add_listed(planes, work->first, work->planes, work->rows, work->places, work->blocks);
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

/* The sums of 16 neurons, or of so many as there are. */
AVX512_INLINE void write_sixteen(const ebnn_listed_sums *work, uint32_t first, __m256i counts)
{
    const uint32_t left = first < work->neurons ? work->neurons - first : 0;
    const __mmask16 lanes = (__mmask16)(left >= LANES ? 0xFFFFU : (1U << left) - 1);
    const __m512i found = _mm512_sll_epi32(_mm512_cvtepu16_epi32(counts), _mm_cvtsi32_si128((int)work->shift));
    const __m512i less =
        _mm512_sub_epi32(_mm512_loadu_si512(work->totals + first), _mm512_set1_epi32((int32_t)work->start));
    const __m512i sums = work->turned ? _mm512_sub_epi32(less, found) : _mm512_sub_epi32(found, less);

    _mm512_mask_storeu_epi32(work->sums + first, lanes, sums);
}

AVX512 static void sum_listed(const ebnn_listed_sums *work)
{
    __m512i planes[SUM_PLANES];
    uint32_t bits[SUM_PLANES][sizeof(__m512i) / sizeof(uint32_t)], count = 5;

    for (; EBNN_LISTED_BLOCK * (uint64_t)work->blocks >> count != 0;) {
        count++;
    }
    for (uint32_t plane = 0; plane < count; plane++) {
        planes[plane] = _mm512_setzero_si512();
    }
    add_listed(planes, 0, count, work->rows, work->places, work->blocks);
    memcpy(bits, planes, count * sizeof *planes);
    for (uint32_t word = 0; word < sizeof *bits / sizeof **bits && 2 * LANES * word < work->neurons; word++) {
        __m512i counts = _mm512_setzero_si512();

        for (uint32_t plane = count; plane-- > 0;) { /* each neuron's bits, one behind the other */
            counts = _mm512_add_epi16(counts, counts);
            counts = _mm512_mask_add_epi16(counts, bits[plane][word], counts, _mm512_set1_epi16(1));
        }
        write_sixteen(work, 2 * LANES * word, _mm512_castsi512_si256(counts));
        write_sixteen(work, 2 * LANES * word + LANES, _mm512_extracti64x4_epi64(counts, 1));
    }
}

AVX512 void ebnn_sum_listed_avx512(const ebnn_listed_sums *work)
{
    if (work->bytes == sizeof(__m512i)) {
        sum_listed(work);
    } else {
        ebnn_sum_listed_avx2(work);
    }
}

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx512_listing;

#endif
