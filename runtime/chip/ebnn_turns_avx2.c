/*
 * ebnn_turns_avx2.c: eight rows of one law, one in each lane, until the last column is decided.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_turns_kernel.h"

#if defined(__x86_64__)

#include "ebnn_philox_avx2.h"

/* One threshold at work: which weights have which, and what is known of u being below it. */
typedef struct comparison {
    const uint64_t *thresholds; /* by value */
    __m256i less;
    __m256i undecided;
} comparison;

/* Block `block` of each row. */
EBNN_AVX2_INLINE void draw_block(__m256i words[4], const ebnn_turns *turns, __m256i bank_row, uint32_t block)
{
    words[0] = bank_row;
    words[1] = _mm256_setzero_si256();
    words[2] = ebnn_all_lanes((uint32_t)turns->event);
    words[3] = ebnn_all_lanes((uint32_t)EBNN_DOMAIN_PROGRAM << 24 | block << 16 | (uint32_t)(turns->event >> 32));
    ebnn_philox_eight(words, turns->seed);
}

/* Column by column that of three words which belongs to its weight. */
EBNN_AVX2_INLINE __m256i of_value(const __m256i is[EBNN_TURN_VALUES], uint32_t minus, uint32_t zero, uint32_t plus)
{
    const __m256i signs =
        _mm256_or_si256(_mm256_and_si256(is[0], ebnn_all_lanes(minus)), _mm256_and_si256(is[2], ebnn_all_lanes(plus)));

    return _mm256_or_si256(signs, _mm256_and_si256(is[1], ebnn_all_lanes(zero)));
}

EBNN_AVX2_INLINE void compare(comparison *at, const __m256i is[EBNN_TURN_VALUES], __m256i word, uint32_t slice)
{
    const uint64_t *of = at->thresholds;
    const __m256i bits =
        of_value(is, ebnn_slice_of(of[0], slice), ebnn_slice_of(of[1], slice), ebnn_slice_of(of[2], slice));

    at->less = _mm256_or_si256(at->less, _mm256_and_si256(at->undecided, _mm256_andnot_si256(word, bits)));
    at->undecided = _mm256_andnot_si256(_mm256_xor_si256(word, bits), at->undecided);
}

/* Whether u is below the threshold, once it is known. */
EBNN_AVX2_INLINE __m256i below(const comparison *at, const __m256i is[EBNN_TURN_VALUES])
{
    const uint64_t *of = at->thresholds;

    return _mm256_and_si256(_mm256_or_si256(at->less, at->undecided),
                            of_value(is, ebnn_may_be(of[0]), ebnn_may_be(of[1]), ebnn_may_be(of[2])));
}

EBNN_AVX2 void ebnn_turns_avx2(const ebnn_turns *turns, const ebnn_law *law, ebnn_turned *rows)
{
    const __m256i bank_row = _mm256_loadu_si256((const __m256i *)(const void *)rows->bank_row);
    const __m256i sign = _mm256_loadu_si256((const __m256i *)(const void *)rows->sign);
    const __m256i nonzero = _mm256_loadu_si256((const __m256i *)(const void *)rows->nonzero);
    const __m256i all = ebnn_all_lanes(UINT32_MAX), zeros = _mm256_andnot_si256(nonzero, all);
    const __m256i is[EBNN_TURN_VALUES] = {_mm256_andnot_si256(sign, nonzero), zeros, _mm256_and_si256(sign, nonzero)};
    const bool signs = ebnn_law_of_signs(law) && _mm256_testz_si256(zeros, zeros) != 0;
    comparison minus = {law->minus, _mm256_setzero_si256(), all};
    comparison zero = {law->at_most_zero, _mm256_setzero_si256(), all};
    __m256i plus, found;

    for (uint32_t slice = 0; slice < EBNN_TURN_SLICES; slice += EBNN_BLOCK_SLICES) {
        __m256i words[4];

        draw_block(words, turns, bank_row, slice / EBNN_BLOCK_SLICES);
        for (uint32_t part = 0; part < EBNN_BLOCK_SLICES; part++) {
            compare(&minus, is, words[part], slice + part);
            if (!signs) {
                compare(&zero, is, words[part], slice + part);
            }
        }
        if (signs) {
            zero.less = minus.less;
            zero.undecided = minus.undecided;
        }
        if (_mm256_testz_si256(_mm256_or_si256(minus.undecided, zero.undecided), all) != 0) {
            break;
        }
    }
    plus = _mm256_andnot_si256(below(&zero, is), all);
    found = _mm256_or_si256(below(&minus, is), plus);
    _mm256_storeu_si256((__m256i *)(void *)rows->sign, plus);
    _mm256_storeu_si256((__m256i *)(void *)rows->nonzero, found);
}

#else

/* a translation unit may not be empty */
typedef int ebnn_no_turns_avx2;

#endif
