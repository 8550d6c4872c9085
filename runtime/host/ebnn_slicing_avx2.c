/*
 * ebnn_slicing_avx2.c: bit slices with AVX2. The highest bits of a register's bytes come out as one word.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_slicing.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE static inline __attribute__((target("avx2"), always_inline))

#define TURNED 16 /* rows and columns of bytes that are turned at a time, in both halves of a register */

AVX2_INLINE __m256i load(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

AVX2_INLINE void store(void *to, __m256i value)
{
    _mm256_storeu_si256((__m256i *)to, value);
}

AVX2 static void correct(const int8_t *inputs, const ebnn_wrong_weight *wrong, size_t count,
                         int8_t changes[EBNN_KNOWN_SAMPLES])
{
    __m256i low = _mm256_setzero_si256(), high = low;

    for (size_t k = 0; k < count; k++) {
        const int8_t *values = inputs + (size_t)wrong[k].input * EBNN_KNOWN_SAMPLES;
        const __m256i change = _mm256_set1_epi8((char)wrong[k].change[1]);

        low = _mm256_add_epi8(low, _mm256_sign_epi8(change, load(values)));
        high = _mm256_add_epi8(high, _mm256_sign_epi8(change, load(values + 32)));
    }
    store(changes, low);
    store(changes + 32, high);
}

/* Each shuffle moves the highest bit of a byte's row to the lowest of its column: after four of them they changed places. */
AVX2_INLINE void turn(__m256i rows[TURNED])
{
    for (int pass = 0; pass < 4; pass++) {
        __m256i next[TURNED];

        for (int i = 0; i < TURNED / 2; i++) {
            next[2 * i] = _mm256_unpacklo_epi8(rows[i], rows[i + TURNED / 2]);
            next[2 * i + 1] = _mm256_unpackhi_epi8(rows[i], rows[i + TURNED / 2]);
        }
        memcpy(rows, next, sizeof next);
    }
}

/* Bit `plane` of each byte. */
AVX2_INLINE uint32_t plane_of(__m256i bytes, uint32_t plane)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_sll_epi16(bytes, _mm_cvtsi32_si128(7 - (int)plane)));
}

AVX2 static void slice_changes(const int8_t *changes, uint32_t planes, uint32_t *words, size_t sample_stride,
                               size_t plane_stride)
{
    for (size_t first = 0; first < EBNN_KNOWN_SAMPLES; first += TURNED) {
        __m256i rows[TURNED];

        for (size_t i = 0; i < TURNED; i++) {
            const int8_t *row = changes + i * EBNN_KNOWN_SAMPLES + first;
            const int8_t *other = row + (size_t)TURNED * EBNN_KNOWN_SAMPLES;

            rows[i] =
                _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)row)),
                                        _mm_loadu_si128((const __m128i *)(const void *)other), 1);
        }
        turn(rows);
        for (size_t i = 0; i < TURNED; i++) {
            uint32_t *sample = words + (first + i) * sample_stride;

            for (uint32_t plane = 0; plane < planes; plane++) {
                sample[plane * plane_stride] = plane_of(rows[i], plane);
            }
        }
    }
}

AVX2 static void slice_values(const uint32_t values[EBNN_SLICED_NEURONS], uint32_t planes, uint32_t *words,
                              size_t stride)
{
    const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7), low = _mm256_set1_epi16(0xFF);
    const __m256i first = _mm256_packus_epi32(load(values), load(values + 8));
    const __m256i second = _mm256_packus_epi32(load(values + 16), load(values + 24));
    const __m256i lows = _mm256_packus_epi16(_mm256_and_si256(first, low), _mm256_and_si256(second, low));
    const __m256i highs = _mm256_packus_epi16(_mm256_srli_epi16(first, 8), _mm256_srli_epi16(second, 8));
    const __m256i bytes[2] = {_mm256_permutevar8x32_epi32(lows, in_order),
                              _mm256_permutevar8x32_epi32(highs, in_order)};

    for (uint32_t plane = 0; plane < planes; plane++) {
        words[plane * stride] = plane_of(bytes[plane / 8], plane % 8);
    }
}

AVX2 static void lower(const ebnn_sliced_limits *work, uint8_t *lowered)
{
    for (size_t offset = 0; offset < work->bytes; offset += sizeof(__m256i)) {
        __m256i carry = _mm256_setzero_si256(), change = carry;

        for (uint32_t plane = 0; plane < work->planes; plane++) {
            const size_t place = plane * work->bytes + offset;
            const __m256i limit = load(work->limits + place);
            __m256i unlike;

            if (plane < work->change_planes) {
                change = load(work->changes + place);
            }
            unlike = _mm256_xor_si256(limit, change);
            store(lowered + place, _mm256_xor_si256(unlike, carry));
            carry = _mm256_or_si256(_mm256_and_si256(limit, change), _mm256_and_si256(carry, unlike));
        }
    }
    memcpy(lowered + work->planes * work->bytes, work->limits + work->planes * work->bytes, work->bytes);
}

AVX2_INLINE __m256i add(__m256i bits, __m256i more, __m256i *carry)
{
    const __m256i unlike = _mm256_xor_si256(bits, more), sum = _mm256_xor_si256(unlike, *carry);

    *carry = _mm256_or_si256(_mm256_and_si256(bits, more), _mm256_and_si256(unlike, *carry));
    return sum;
}

AVX2_INLINE void add_rows(const ebnn_near_listing *work, size_t offset, uint32_t first,
                          __m256i planes[EBNN_NEAR_PLANES], __m256i *reached)
{
    for (size_t k = 0; k < work->count; k++) {
        __m256i carry = load(work->rows + work->places[k] * (size_t)work->bytes + offset);

        for (uint32_t plane = first; plane < EBNN_NEAR_PLANES; plane++) {
            const __m256i next = _mm256_and_si256(planes[plane], carry);

            planes[plane] = _mm256_xor_si256(planes[plane], carry);
            carry = next;
        }
        *reached = _mm256_or_si256(*reached, carry);
    }
}

AVX2 static void answer_near(const ebnn_near_listing *work, uint8_t *answers)
{
    for (size_t offset = 0; offset < work->bytes; offset += sizeof(__m256i)) {
        __m256i planes[EBNN_NEAR_PLANES], change = _mm256_setzero_si256(), carry = change, reached = change;

        for (uint32_t plane = 0; plane < EBNN_NEAR_PLANES; plane++) {
            const __m256i seed = _mm256_set1_epi32(0 - (int32_t)((work->seed + 1) >> plane & 1));

            if (plane < work->change_planes) {
                change = load(work->changes + plane * work->bytes + offset);
            }
            planes[plane] = add(load(work->limits + plane * work->bytes + offset), change, &carry);
            planes[plane] = add(planes[plane], seed, &reached);
        }
        if (work->first == 1) { /* one of two loops whose planes stay in registers */
            add_rows(work, offset, 1, planes, &reached);
        } else {
            add_rows(work, offset, 2, planes, &reached);
        }
        store(answers + offset,
              _mm256_xor_si256(reached, load(work->limits + (size_t)EBNN_NEAR_PLANES * work->bytes + offset)));
    }
}

const ebnn_slicing_kernel ebnn_slicing_avx2 = {correct, slice_changes, slice_values, lower, answer_near};

#else

/* a translation unit may not be empty */
typedef int ebnn_no_slicing_avx2;

#endif
