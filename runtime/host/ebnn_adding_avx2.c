/*
 * ebnn_adding_avx2.c: eight sums at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_difference.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE static inline __attribute__((target("avx2"), always_inline))
#define LANES 8

/* Of 16 samples at a time: sums of products of pairs, the halves of each register as the unpacking leaves them. */
typedef struct pair_sums {
    __m256i low;
    __m256i high;
} pair_sums;

/* 16 inputs of 1 or 2 bytes from number `place` on. */
AVX2_INLINE __m256i sixteen(const void *inputs, size_t place, bool bytes)
{
    if (bytes) {
        return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)((const int8_t *)inputs + place)));
    }
    return _mm256_loadu_si256((const __m256i *)(const void *)((const int16_t *)inputs + place));
}

AVX2_INLINE void add_pair(pair_sums *sums, __m256i a, __m256i b, __m256i factors)
{
    sums->low = _mm256_add_epi32(sums->low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), factors));
    sums->high = _mm256_add_epi32(sums->high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), factors));
}

/* Two wrong weights at a time; an odd last one goes with itself, times 0. */
AVX2_INLINE void correct_any(const void *inputs, bool bytes, const ebnn_wrong_weight *wrong, size_t count,
                             uint32_t changes[EBNN_KNOWN_SAMPLES])
{
    pair_sums sums[EBNN_KNOWN_SAMPLES / 16];

    for (size_t part = 0; part < EBNN_KNOWN_SAMPLES / 16; part++) {
        sums[part].low = sums[part].high = _mm256_setzero_si256();
    }
    for (size_t k = 0; k < count; k += 2) {
        const ebnn_wrong_weight *other = &wrong[k + 1 < count ? k + 1 : k];
        const int32_t second = k + 1 < count ? other->change[1] : 0;
        const __m256i factors =
            _mm256_set1_epi32((int32_t)((uint32_t)second << 16 | ((uint32_t)wrong[k].change[1] & 0xFFFF)));
        const size_t a = (size_t)wrong[k].input * EBNN_KNOWN_SAMPLES;
        const size_t b = (size_t)other->input * EBNN_KNOWN_SAMPLES;

        for (size_t part = 0; part < EBNN_KNOWN_SAMPLES / 16; part++) {
            add_pair(&sums[part], sixteen(inputs, a + 16 * part, bytes), sixteen(inputs, b + 16 * part, bytes),
                     factors);
        }
    }
    for (size_t part = 0; part < EBNN_KNOWN_SAMPLES / 16; part++) {
        __m256i *at = (__m256i *)(void *)(changes + 16 * part);

        _mm256_storeu_si256(at, _mm256_permute2x128_si256(sums[part].low, sums[part].high, 0x20));
        _mm256_storeu_si256(at + 1, _mm256_permute2x128_si256(sums[part].low, sums[part].high, 0x31));
    }
}

AVX2 static void correct(const int16_t *inputs, const ebnn_wrong_weight *wrong, size_t count,
                         uint32_t changes[EBNN_KNOWN_SAMPLES])
{
    correct_any(inputs, false, wrong, count, changes);
}

AVX2 static void correct_bytes(const int8_t *inputs, const ebnn_wrong_weight *wrong, size_t count,
                               uint32_t changes[EBNN_KNOWN_SAMPLES])
{
    correct_any(inputs, true, wrong, count, changes);
}

AVX2 static uint64_t find_crossing(const uint32_t known[EBNN_KNOWN_SAMPLES], const uint32_t changes[EBNN_KNOWN_SAMPLES],
                                   int32_t threshold, uint32_t down)
{
    const __m256i limit = _mm256_set1_epi32(threshold), flip = _mm256_set1_epi32((int32_t)down);
    uint64_t found = 0;

    for (size_t i = 0; i < EBNN_KNOWN_SAMPLES; i += LANES) {
        const __m256i sum = _mm256_loadu_si256((const __m256i *)(const void *)(known + i));
        const __m256i change = _mm256_loadu_si256((const __m256i *)(const void *)(changes + i));
        const __m256i before = _mm256_cmpgt_epi32(limit, _mm256_xor_si256(sum, flip));
        const __m256i now = _mm256_cmpgt_epi32(limit, _mm256_xor_si256(_mm256_add_epi32(sum, change), flip));
        const int unlike = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_xor_si256(before, now)));

        found |= (uint64_t)(uint32_t)unlike << i;
    }
    return found;
}

#define SUMS 16          /* of 16 bits in a register */
#define MOST_REGISTERS 4 /* a line of the cache */
#define MOST_ADDED 127   /* inputs, each -2 to 2 times a weight of 8 bits, that a sum of 16 bits holds */

/* So many registers' neurons from `weights` and `sums` on; the weights of an input are `stride` behind those before. */
AVX2_INLINE void add_registers(uint32_t *sums, const int8_t *weights, const ebnn_changed_input *list, size_t count,
                               size_t stride, size_t registers)
{
    for (size_t first = 0; first < count; first += MOST_ADDED) {
        const size_t end = count - first < MOST_ADDED ? count : first + MOST_ADDED;
        __m256i added[MOST_REGISTERS];

        for (size_t r = 0; r < registers; r++) {
            added[r] = _mm256_setzero_si256();
        }
        for (size_t k = first; k < end; k++) {
            const __m256i change = _mm256_set1_epi16((int16_t)list[k].change);

            for (size_t r = 0; r < registers; r++) {
                added[r] = _mm256_add_epi16(
                    added[r], _mm256_mullo_epi16(sixteen(weights, list[k].input * stride + r * SUMS, true), change));
            }
        }
        for (size_t r = 0; r < registers; r++) {
            __m256i *at = (__m256i *)(void *)(sums + r * SUMS);

            _mm256_storeu_si256(
                at, _mm256_add_epi32(_mm256_loadu_si256(at), _mm256_cvtepi16_epi32(_mm256_castsi256_si128(added[r]))));
            at++;
            _mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at),
                                                     _mm256_cvtepi16_epi32(_mm256_extracti128_si256(added[r], 1))));
        }
    }
}

/* Neurons behind the last whole register, with sums of others beside them. */
AVX2 static void add_rest(uint32_t *sums, const int8_t *weights, const ebnn_changed_input *list, size_t count,
                          size_t stride, size_t neurons)
{
    uint32_t all[SUMS] = {0};

    memcpy(all, sums, neurons * sizeof *sums);
    add_registers(all, weights, list, count, stride, 1);
    memcpy(sums, all, neurons * sizeof *sums);
}

AVX2 static void add_inputs(uint32_t *sums, const int8_t *weights, const ebnn_changed_input *list, size_t count,
                            size_t neurons)
{
    size_t i = 0;

    for (; i + MOST_REGISTERS * SUMS <= neurons; i += MOST_REGISTERS * SUMS) {
        add_registers(sums + i, weights + i, list, count, neurons, MOST_REGISTERS);
    }
    for (; i + SUMS <= neurons; i += SUMS) {
        add_registers(sums + i, weights + i, list, count, neurons, 1);
    }
    if (i < neurons) {
        add_rest(sums + i, weights + i, list, count, neurons, neurons - i);
    }
}

const ebnn_adding_kernel ebnn_adding_avx2 = {correct, correct_bytes, find_crossing, add_inputs};

#else

/* a translation unit may not be empty */
typedef int ebnn_no_adding_avx2;

#endif
