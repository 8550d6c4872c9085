/*
 * ebnn_listing_inputs_avx2.c: which inputs of a vector are active, a byte of them at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_listing.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "ebnn_internal.h"
#include "ebnn_set_bits.h"

/* Every processor with AVX2 counts bits. */
#define AVX2 __attribute__((target("avx2,popcnt")))
#define AVX2_INLINE static inline __attribute__((target("avx2,popcnt"), always_inline))

AVX2 uint32_t ebnn_count_bits_avx2(const uint32_t *words, size_t count)
{
    uint64_t bits = 0, pair;
    size_t i = 0;

    for (; i + 2 <= count; i += 2) {
        memcpy(&pair, words + i, sizeof pair);
        bits += (uint64_t)__builtin_popcountll(pair);
    }
    return (uint32_t)bits + (i < count ? (uint32_t)__builtin_popcount(words[i]) : 0);
}

AVX2_INLINE void store(uint16_t *places, __m128i eight)
{
    _mm_storeu_si128((__m128i *)(void *)places, eight);
}

/* Eight places are written whatever there are, and the next ones over those that are none. */
AVX2_INLINE uint16_t *list_bits(const uint32_t *words, size_t count, uint32_t input_rows, uint16_t *places)
{
    const __m128i step = _mm_set1_epi16((int16_t)(8 * input_rows)), one = _mm_set1_epi16(1);
    __m128i first = _mm_setzero_si128();

    for (size_t i = 0; i < count; i++) {
        for (uint32_t word = words[i], byte = 0; byte < 4; byte++, word >>= 8) {
            const __m128i bits = _mm_loadu_si128((const __m128i *)(const void *)ebnn_set_bits[word & 255]);

            if (input_rows == 1) {
                store(places, _mm_add_epi16(bits, first));
            } else {
                const __m128i row = _mm_add_epi16(_mm_add_epi16(bits, bits), first), next = _mm_add_epi16(row, one);

                store(places, _mm_unpacklo_epi16(row, next));
                store(places + 8, _mm_unpackhi_epi16(row, next));
            }
            places += input_rows * ebnn_set_bit_counts[word & 255];
            first = _mm_add_epi16(first, step);
        }
    }
    return places;
}

AVX2 uint16_t *ebnn_list_bits_avx2(const uint32_t *words, size_t count, uint32_t input_rows, uint16_t *places)
{
    return input_rows == 1 ? list_bits(words, count, 1, places) : list_bits(words, count, 2, places);
}

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx2_listing_inputs;

#endif
