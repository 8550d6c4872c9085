/*
 * ebnn_turns_avx2.c: eight rows of one law, one in each lane, until the last column is decided.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_turns_kernel.h"

#include <stddef.h>

#if defined(__x86_64__)

#include "ebnn_philox_avx2.h"

/* What is known of u being below a threshold. */
typedef struct comparison {
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

/* Column by column that of three words which belongs to its weight; there are no weights of 0 where all are `signs`. */
EBNN_AVX2_INLINE __m256i of_value(const __m256i is[EBNN_TURN_VALUES], const uint32_t words[EBNN_TURN_VALUES],
                                  bool signs)
{
    const __m256i found = _mm256_or_si256(_mm256_and_si256(is[0], ebnn_all_lanes(words[0])),
                                          _mm256_and_si256(is[2], ebnn_all_lanes(words[2])));

    return signs ? found : _mm256_or_si256(_mm256_and_si256(is[1], ebnn_all_lanes(words[1])), found);
}

EBNN_AVX2_INLINE void compare(comparison *at, __m256i bits, __m256i word)
{
    at->less = _mm256_or_si256(at->less, _mm256_and_si256(at->undecided, _mm256_andnot_si256(word, bits)));
    at->undecided = _mm256_andnot_si256(_mm256_xor_si256(word, bits), at->undecided);
}

/* Both blocks at once: neither waits for the other. */
EBNN_AVX2_INLINE void draw_pair(__m256i words[EBNN_PAIR_SLICES], const ebnn_turns *turns, __m256i bank_row,
                                uint32_t pair)
{
    draw_block(words, turns, bank_row, 2 * pair);
    draw_block(words + EBNN_BLOCK_SLICES, turns, bank_row, 2 * pair + 1);
}

EBNN_AVX2_INLINE uint32_t turn(const ebnn_turns *turns, const ebnn_sliced_law *law, const ebnn_turned *rows,
                               uint32_t pairs, const __m256i is[EBNN_TURN_VALUES], bool signs)
{
    const __m256i bank_row = _mm256_loadu_si256((const __m256i *)(const void *)rows->bank_row);
    const __m256i all = ebnn_all_lanes(UINT32_MAX), none = _mm256_setzero_si256();
    comparison minus = {none, all}, zero = {none, all};
    __m256i open = all, plus, found;

    for (uint32_t pair = 0; pair < pairs && _mm256_testz_si256(open, open) == 0; pair++) {
        __m256i words[EBNN_PAIR_SLICES];

        draw_pair(words, turns, bank_row, pair);
        for (uint32_t part = 0; part < EBNN_PAIR_SLICES; part++) {
            const uint32_t slice = EBNN_PAIR_SLICES * pair + part;

            compare(&minus, of_value(is, law->minus[slice], signs), words[part]);
            if (!signs) {
                compare(&zero, of_value(is, law->at_most_zero[slice], signs), words[part]);
            }
        }
        zero = signs ? minus : zero;
        open = _mm256_or_si256(minus.undecided, zero.undecided);
    }
    plus = _mm256_and_si256(_mm256_or_si256(zero.less, zero.undecided), of_value(is, law->may_be_zero, signs));
    plus = _mm256_andnot_si256(plus, all);
    found = _mm256_and_si256(_mm256_or_si256(minus.less, minus.undecided), of_value(is, law->may_be_minus, signs));
    _mm256_storeu_si256((__m256i *)(void *)rows->found_sign, plus);
    if (rows->found_nonzero != NULL) {
        _mm256_storeu_si256((__m256i *)(void *)rows->found_nonzero, _mm256_or_si256(found, plus));
    }
    return pairs == EBNN_TURN_PAIRS
               ? 0
               : ~(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(open, none))) & 0xFF;
}

EBNN_AVX2 uint32_t ebnn_turns_avx2(const ebnn_turns *turns, const ebnn_sliced_law *law, const ebnn_turned *rows,
                                   uint32_t pairs)
{
    const __m256i sign = _mm256_loadu_si256((const __m256i *)(const void *)rows->sign);
    const __m256i nonzero = _mm256_loadu_si256((const __m256i *)(const void *)rows->nonzero);
    const __m256i zeros = _mm256_andnot_si256(nonzero, ebnn_all_lanes(UINT32_MAX));
    const __m256i is[EBNN_TURN_VALUES] = {_mm256_andnot_si256(sign, nonzero), zeros, _mm256_and_si256(sign, nonzero)};

    if (law->signs && _mm256_testz_si256(zeros, zeros) != 0) {
        return turn(turns, law, rows, pairs, is, true);
    }
    return turn(turns, law, rows, pairs, is, false);
}

#else

/* a translation unit may not be empty */
typedef int ebnn_no_turns_avx2;

#endif
