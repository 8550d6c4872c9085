/*
 * ebnn_panels_avx512.h: what the kernels for AVX-512 share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_PANELS_AVX512_H
#define EBNN_PANELS_AVX512_H

#include "ebnn_kernel.h"

#include <immintrin.h>

#define FEATURES "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx512vpopcntdq,bmi2"
#define AVX512 __attribute__((target(FEATURES)))
#define AVX512_INLINE static inline __attribute__((target(FEATURES), always_inline))

void ebnn_dot_values_avx512(const ebnn_dots *work);
void ebnn_dot_bytes_avx512(const ebnn_byte_dots *work);

#define LANES 16
#define HALVES (EBNN_PANEL_ROWS / LANES)

AVX512_INLINE __m512i broadcast(uint32_t word)
{
    return _mm512_set1_epi32((int32_t)word);
}

/* The first `count` lanes, at most all. */
AVX512_INLINE __mmask16 lanes_below(size_t count)
{
    return (__mmask16)(count >= LANES ? 0xFFFFU : (1U << count) - 1);
}

/* sums[r] += factor * totals of a panel's rows, or of so many as there are. */
AVX512_INLINE void add_totals(uint32_t *sums, const __m512i totals[HALVES], uint32_t factor, size_t rows)
{
    for (size_t half = 0; half < HALVES && half * LANES < rows; half++) {
        const __mmask16 lanes = lanes_below(rows - half * LANES);
        uint32_t *at = sums + half * LANES;
        const __m512i added = _mm512_mullo_epi32(totals[half], broadcast(factor));

        _mm512_mask_storeu_epi32(at, lanes, _mm512_add_epi32(_mm512_maskz_loadu_epi32(lanes, at), added));
    }
}

#endif
