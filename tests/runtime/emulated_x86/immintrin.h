/*
 * immintrin.h: stands in for the compiler's where AVX-512 is emulated: SIMDe's functions in plain C under Intel's names,
 * and the few that its version 0.7 lacks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EMULATED_IMMINTRIN_H
#define EMULATED_IMMINTRIN_H

#include <stdint.h>
#include <string.h>

#define SIMDE_NO_NATIVE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx2.h>
#include <simde/x86/avx512.h>

#define LANES_OF_WORDS 16

typedef simde__mmask16 __mmask16;
typedef simde__mmask64 __mmask64;

#undef _mm512_maskz_loadu_epi32
#define _mm512_maskz_loadu_epi32 emulated_masked_load
#undef _mm512_mask_storeu_epi32
#define _mm512_mask_storeu_epi32 emulated_masked_store
#undef _mm512_reduce_add_epi32
#define _mm512_reduce_add_epi32 emulated_sum
#undef _mm512_mask_cmpge_epi32_mask
#define _mm512_mask_cmpge_epi32_mask emulated_at_least
#undef _mm512_cvtepu16_epi32
#define _mm512_cvtepu16_epi32 emulated_widening
#undef _mm512_cvtepi32_ps
#define _mm512_cvtepi32_ps emulated_floats
#define _pext_u64 emulated_extraction

static inline __m512i emulated_masked_load(__mmask16 lanes, const uint32_t *from)
{
    uint32_t all[LANES_OF_WORDS] = {0};

    for (int i = 0; i < LANES_OF_WORDS; i++) {
        all[i] = (lanes >> i & 1) != 0 ? from[i] : 0;
    }
    return _mm512_loadu_si512(all);
}

static inline void emulated_masked_store(uint32_t *to, __mmask16 lanes, __m512i value)
{
    uint32_t all[LANES_OF_WORDS];

    _mm512_storeu_si512(all, value);
    for (int i = 0; i < LANES_OF_WORDS; i++) {
        if ((lanes >> i & 1) != 0) {
            to[i] = all[i];
        }
    }
}

static inline uint32_t emulated_sum(__m512i value)
{
    uint32_t all[LANES_OF_WORDS], sum = 0;

    _mm512_storeu_si512(all, value);
    for (int i = 0; i < LANES_OF_WORDS; i++) {
        sum += all[i];
    }
    return sum;
}

static inline __mmask16 emulated_at_least(__mmask16 lanes, __m512i value, __m512i other)
{
    int32_t values[LANES_OF_WORDS], others[LANES_OF_WORDS];
    uint32_t found = 0;

    _mm512_storeu_si512(values, value);
    _mm512_storeu_si512(others, other);
    for (int i = 0; i < LANES_OF_WORDS; i++) {
        found |= (uint32_t)(values[i] >= others[i]) << i;
    }
    return (__mmask16)(found & lanes);
}

static inline __m512i emulated_widening(__m256i value)
{
    uint16_t halves[LANES_OF_WORDS];
    uint32_t all[LANES_OF_WORDS];

    memcpy(halves, &value, sizeof halves);
    for (int i = 0; i < LANES_OF_WORDS; i++) {
        all[i] = halves[i];
    }
    return _mm512_loadu_si512(all);
}

static inline __m512 emulated_floats(__m512i value)
{
    int32_t all[LANES_OF_WORDS];
    float floats[LANES_OF_WORDS];

    _mm512_storeu_si512(all, value);
    for (int i = 0; i < LANES_OF_WORDS; i++) {
        floats[i] = (float)all[i];
    }
    return _mm512_loadu_ps(floats);
}

static inline uint64_t emulated_extraction(uint64_t from, uint64_t places)
{
    uint64_t found = 0;

    for (int i = 0, next = 0; i < 64; i++) {
        if ((places >> i & 1) != 0) {
            found |= (from >> i & 1) << next++;
        }
    }
    return found;
}

#endif
