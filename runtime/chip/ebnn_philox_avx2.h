/*
 * ebnn_philox_avx2.h: ebnn_philox of eight counters at once.
 *
 * The processor multiplies the even 32-bit lanes of two registers to 64 bits. So the counters with an odd place are
 * moved to even lanes of registers of their own, where they stay for all rounds: what is then in the odd lanes is
 * rubbish that no multiplication looks at, and costs nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_PHILOX_AVX2_H
#define EBNN_PHILOX_AVX2_H

#include <immintrin.h>

#include "ebnn_philox.h"

#define EBNN_AVX2 __attribute__((target("avx2")))
#define EBNN_AVX2_INLINE static inline __attribute__((target("avx2"), always_inline))

EBNN_AVX2_INLINE __m256i ebnn_all_lanes(uint32_t word)
{
    return _mm256_set1_epi32((int32_t)word);
}

/* One round of the counters in the even lanes. */
EBNN_AVX2_INLINE void ebnn_philox_round(__m256i c[4], __m256i k0, __m256i k1)
{
    const __m256i p0 = _mm256_mul_epu32(c[0], ebnn_all_lanes(EBNN_PHILOX_M0));
    const __m256i p1 = _mm256_mul_epu32(c[2], ebnn_all_lanes(EBNN_PHILOX_M1));

    c[0] = _mm256_xor_si256(_mm256_srli_epi64(p1, 32), _mm256_xor_si256(c[1], k0));
    c[1] = p1;
    c[2] = _mm256_xor_si256(_mm256_srli_epi64(p0, 32), _mm256_xor_si256(c[3], k1));
    c[3] = p0;
}

/* Four random words in place of each counter; words[w] has word w of all eight. */
EBNN_AVX2_INLINE void ebnn_philox_eight(__m256i words[4], uint64_t seed)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    __m256i odd[4];

    for (int w = 0; w < 4; w++) {
        odd[w] = _mm256_srli_epi64(words[w], 32);
    }
    for (int round = 0; round < EBNN_PHILOX_ROUNDS; round++) {
        ebnn_philox_round(words, ebnn_all_lanes(k0), ebnn_all_lanes(k1));
        ebnn_philox_round(odd, ebnn_all_lanes(k0), ebnn_all_lanes(k1));
        k0 += EBNN_PHILOX_W0;
        k1 += EBNN_PHILOX_W1;
    }
    for (int w = 0; w < 4; w++) {
        words[w] = _mm256_blend_epi32(words[w], _mm256_slli_epi64(odd[w], 32), 0xAA);
    }
}

/* The counters in the even lanes, whose columns those of `columns` are, after the rounds that `row` has begun. */
EBNN_AVX2_INLINE void ebnn_philox_third(__m256i c[4], const ebnn_philox_row *row, __m256i columns)
{
    const __m256i first = _mm256_xor_si256(ebnn_all_lanes(row->column), columns);
    const __m256i p0 = _mm256_mul_epu32(first, ebnn_all_lanes(EBNN_PHILOX_M0));
    const __m256i second = _mm256_xor_si256(_mm256_srli_epi64(p0, 32), ebnn_all_lanes(row->second));
    const __m256i p1 = _mm256_mul_epu32(second, ebnn_all_lanes(EBNN_PHILOX_M1));

    c[0] = _mm256_xor_si256(_mm256_srli_epi64(p1, 32), ebnn_all_lanes(row->third[0]));
    c[1] = p1;
    c[2] = _mm256_xor_si256(p0, ebnn_all_lanes(row->third[1]));
    c[3] = ebnn_all_lanes(row->last);
}

/* The words of eight columns of a row, from `column` on. */
EBNN_AVX2_INLINE void ebnn_philox_columns(__m256i words[4], const ebnn_philox_row *row, uint32_t column)
{
    const __m256i even = _mm256_add_epi32(ebnn_all_lanes(column), _mm256_setr_epi32(0, 0, 2, 0, 4, 0, 6, 0));
    __m256i odd[4];

    ebnn_philox_third(words, row, even);
    ebnn_philox_third(odd, row, _mm256_or_si256(even, ebnn_all_lanes(1)));
    for (int round = 3; round < EBNN_PHILOX_ROUNDS; round++) {
        const __m256i k0 = ebnn_all_lanes(row->keys[round][0]), k1 = ebnn_all_lanes(row->keys[round][1]);

        ebnn_philox_round(words, k0, k1);
        ebnn_philox_round(odd, k0, k1);
    }
    for (int w = 0; w < 4; w++) {
        words[w] = _mm256_blend_epi32(words[w], _mm256_slli_epi64(odd[w], 32), 0xAA);
    }
}

#endif
