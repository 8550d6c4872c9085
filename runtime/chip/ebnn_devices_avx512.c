/*
 * ebnn_devices_avx512.c: which columns of a row of cells are near, sixteen at a time; of the few that are,
 * ebnn_devices_avx2.c draws the resistances, and all of rows that are more than plain.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_devices_kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f")))
#define AVX512_INLINE static inline __attribute__((target("avx512f"), always_inline))

#define LANES 16
#define HALVES (EBNN_COLUMNS / LANES)
#define XOR_OF_THREE 0x96

AVX512_INLINE __m512i all_lanes(uint32_t word)
{
    return _mm512_set1_epi32((int32_t)word);
}

/* As ebnn_philox_third of ebnn_philox_avx2.h. */
AVX512_INLINE void third_round(__m512i c[4], const ebnn_philox_row *row, __m512i columns)
{
    const __m512i first = _mm512_xor_si512(all_lanes(row->column), columns);
    const __m512i p0 = _mm512_mul_epu32(first, all_lanes(EBNN_PHILOX_M0));
    const __m512i second = _mm512_xor_si512(_mm512_srli_epi64(p0, 32), all_lanes(row->second));
    const __m512i p1 = _mm512_mul_epu32(second, all_lanes(EBNN_PHILOX_M1));

    c[0] = _mm512_xor_si512(_mm512_srli_epi64(p1, 32), all_lanes(row->third[0]));
    c[1] = p1;
    c[2] = _mm512_xor_si512(p0, all_lanes(row->third[1]));
    c[3] = all_lanes(row->last);
}

/* As ebnn_philox_round. */
AVX512_INLINE void next_round(__m512i c[4], __m512i k0, __m512i k1)
{
    const __m512i p0 = _mm512_mul_epu32(c[0], all_lanes(EBNN_PHILOX_M0));
    const __m512i p1 = _mm512_mul_epu32(c[2], all_lanes(EBNN_PHILOX_M1));

    c[0] = _mm512_ternarylogic_epi32(_mm512_srli_epi64(p1, 32), c[1], k0, XOR_OF_THREE);
    c[1] = p1;
    c[2] = _mm512_ternarylogic_epi32(_mm512_srli_epi64(p0, 32), c[3], k1, XOR_OF_THREE);
    c[3] = p0;
}

/* The words of a row, sixteen columns in a half. Four rounds at a time keep the multipliers busy: none waits for another. */
AVX512_INLINE void draw_columns(__m512i words[HALVES][4], const ebnn_philox_row *row)
{
    const __m512i even = _mm512_setr_epi32(0, 0, 2, 0, 4, 0, 6, 0, 8, 0, 10, 0, 12, 0, 14, 0);
    __m512i c[2 * HALVES][4]; /* the even columns of a half, then its odd ones */

    for (uint32_t i = 0; i < 2 * HALVES; i++) {
        third_round(c[i], row, _mm512_add_epi32(even, all_lanes(i / 2 * LANES + i % 2)));
    }
    for (int round = 3; round < EBNN_PHILOX_ROUNDS; round++) {
        const __m512i k0 = all_lanes(row->keys[round][0]), k1 = all_lanes(row->keys[round][1]);

        for (int i = 0; i < 2 * HALVES; i++) {
            next_round(c[i], k0, k1);
        }
    }
    for (int half = 0; half < HALVES; half++) {
        const __m512i *evens = c[2 * half], *odds = c[2 * half + 1];

        for (int w = 0; w < 4; w++) {
            words[half][w] = _mm512_mask_blend_epi32(0xAAAA, evens[w], _mm512_slli_epi64(odds[w], 32));
        }
    }
}

/* ebnn_normal_bound of sixteen words, added where they harm. */
AVX512_INLINE __m512 add_harm(const float lines[2][2], __m512 sum, __mmask16 harms, __m512i words)
{
    const __m512i odd = _mm512_or_si512(_mm512_srli_epi32(words, 8), all_lanes(1));
    const __m512 place = _mm512_cvtepi32_ps(_mm512_castps_si512(_mm512_cvtepi32_ps(odd)));
    const __m512 first = _mm512_mul_ps(_mm512_set1_ps(lines[0][1]), place);
    const __m512 second = _mm512_mul_ps(_mm512_set1_ps(lines[1][1]), place);
    const __m512 bound = _mm512_min_ps(_mm512_add_ps(_mm512_set1_ps(lines[0][0]), first),
                                       _mm512_add_ps(_mm512_set1_ps(lines[1][0]), second));

    return _mm512_mask_add_ps(sum, harms, sum, bound);
}

/* Lanes whose lowest bit is set: positive numbers. */
AVX512_INLINE __mmask16 positive(__m512i words)
{
    return _mm512_test_epi32_mask(words, all_lanes(1));
}

AVX512 static uint32_t near_plain(const ebnn_devices *devices, const float offsets[EBNN_COLUMNS],
                                  const ebnn_device_near *near, const ebnn_device_row *row)
{
    const ebnn_philox_row begun = ebnn_philox_begin(devices->seed, EBNN_DOMAIN_DEVICE, row->bank_row, 0, 0);
    uint32_t found = 0;
    __m512i drawn[HALVES][4];

    draw_columns(drawn, &begun);
    for (uint32_t column = 0; column < EBNN_COLUMNS; column += LANES) {
        const __m512i *words = drawn[column / LANES];
        const __mmask16 plus = (__mmask16)(row->low[0] >> column);
        __m512 own = _mm512_setzero_ps(), pulses = own, most;

        for (uint32_t side = 0; side < 2; side++) {
            /* a positive number harms BL where that is to be the lower one, and BLb elsewhere */
            const __mmask16 apart = side == 0 ? (__mmask16)~plus : plus;

            own = add_harm(devices->bound, own, positive(words[side]) ^ apart, words[side]);
            pulses = add_harm(devices->bound, pulses, positive(words[2 + side]) ^ apart, words[2 + side]);
        }
        most = _mm512_add_ps(_mm512_mul_ps(_mm512_set1_ps(near->device_spread), own),
                             _mm512_mul_ps(_mm512_set1_ps(near->cycle_spread), pulses));
        most = _mm512_add_ps(most, _mm512_abs_ps(_mm512_loadu_ps(offsets + column)));
        found |= (uint32_t)_mm512_cmp_ps_mask(most, _mm512_set1_ps(near->distance), _CMP_NLT_UQ) << column;
    }
    return found;
}

uint32_t ebnn_devices_near_avx512(const ebnn_devices *devices, const float offsets[EBNN_COLUMNS],
                                  const ebnn_device_near *near, const ebnn_device_row *row)
{
    return ebnn_devices_plain(devices, row) ? near_plain(devices, offsets, near, row)
                                            : ebnn_devices_avx2.near_row(devices, offsets, near, row);
}

#endif
