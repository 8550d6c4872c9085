/*
 * ebnn_listing_avx2.c: listed inputs with AVX2, 256 neurons a register, or twice 128 of which each half has every other row
 * of a list.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_listing.h"

#if defined(__x86_64__)

#include <string.h>

#include "ebnn_panels_avx2.h"

/* Planes that stay in registers: two blocks are added up before a carry goes beyond them. */
#define LOW_PLANES 6
/* Planes of counters that become sums. */
#define SUM_PLANES 16
#define HALF_BYTES ((size_t)16)

/* Counters at work: planes, of which those from `first` on count rows. */
typedef struct counters {
    /* the planes in registers may be one more than there are */
    __m256i planes[EBNN_MOST_LIST_PLANES + 1];
    uint32_t first;
    uint32_t count;
} counters;

/* Two rows, or what two additions carried: the first of them, and where the other is unlike it. */
typedef struct pair {
    __m256i first;
    __m256i unlike;
} pair;

AVX2_INLINE pair pair_of(__m256i first, __m256i second)
{
    const pair both = {first, _mm256_xor_si256(first, second)};

    return both;
}

/* sum + the pair = sum + 2 * the answer, for each bit. */
AVX2_INLINE __m256i add_pair(__m256i *sum, pair a)
{
    const __m256i other = _mm256_and_si256(a.unlike, _mm256_xor_si256(a.first, *sum));

    *sum = _mm256_xor_si256(*sum, a.unlike);
    return _mm256_xor_si256(a.first, other);
}

/*
 * sum + both pairs = sum + 2 * the answer's two, in eight operations where two full adders take ten (Demenkov, Kojevnikov,
 * Kulikov and Yaroslavtsev, "New upper bounds on the Boolean circuit complexity of symmetric functions", 2010).
 */
AVX2_INLINE pair add_pairs(__m256i *sum, pair a, pair b)
{
    const __m256i half = _mm256_xor_si256(*sum, a.unlike);
    const __m256i alike = _mm256_or_si256(a.unlike, _mm256_xor_si256(a.first, half));
    const __m256i other = _mm256_andnot_si256(b.unlike, _mm256_xor_si256(b.first, half));
    const pair carried = {_mm256_xor_si256(half, alike), _mm256_xor_si256(alike, other)};

    *sum = _mm256_xor_si256(half, b.unlike);
    return carried;
}

/* Places that a register takes from a list. */
AVX2_INLINE size_t places_of(size_t bytes)
{
    return bytes == HALF_BYTES ? 2 : 1;
}

AVX2_INLINE __m256i load_row(const uint8_t *weights, size_t bytes, const uint16_t *places)
{
    if (bytes == HALF_BYTES) {
        const __m128i *first = (const __m128i *)(const void *)(weights + places[0] * bytes);
        const __m128i *second = (const __m128i *)(const void *)(weights + places[1] * bytes);

        return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(first)), _mm_loadu_si128(second), 1);
    }
    return load(weights + places[0] * bytes);
}

AVX2_INLINE pair load_pair(const uint8_t *weights, size_t bytes, const uint16_t *places)
{
    return pair_of(load_row(weights, bytes, places), load_row(weights, bytes, places + places_of(bytes)));
}

AVX2_INLINE pair count_four(const uint8_t *weights, size_t bytes, const uint16_t *places, __m256i low[LOW_PLANES])
{
    const pair first = load_pair(weights, bytes, places);

    return add_pairs(&low[0], first, load_pair(weights, bytes, places + 2 * places_of(bytes)));
}

AVX2_INLINE pair count_eight(const uint8_t *weights, size_t bytes, const uint16_t *places, __m256i low[LOW_PLANES])
{
    const pair first = count_four(weights, bytes, places, low);

    return add_pairs(&low[1], first, count_four(weights, bytes, places + 4 * places_of(bytes), low));
}

AVX2_INLINE pair count_sixteen(const uint8_t *weights, size_t bytes, const uint16_t *places, __m256i low[LOW_PLANES])
{
    const pair first = count_eight(weights, bytes, places, low);

    return add_pairs(&low[2], first, count_eight(weights, bytes, places + 8 * places_of(bytes), low));
}

AVX2_INLINE __m256i count_block(const uint8_t *weights, size_t bytes, const uint16_t *places, __m256i low[LOW_PLANES])
{
    const pair first = count_sixteen(weights, bytes, places, low);
    const pair second = count_sixteen(weights, bytes, places + 16 * places_of(bytes), low);

    return add_pair(&low[4], add_pairs(&low[3], first, second));
}

/* What both halves of a register have counted, in each half. */
AVX2_INLINE void add_halves(counters *at)
{
    __m256i carry = _mm256_setzero_si256();

    for (uint32_t plane = 0; plane < at->count; plane++) {
        const __m256i halves = at->planes[plane], turned = _mm256_permute4x64_epi64(halves, 0x4E);

        at->planes[plane] = carry;
        carry = add_pair(&at->planes[plane], pair_of(halves, turned));
    }
}

/* Adds listed rows. */
AVX2_INLINE void add_listed(counters *at, const uint8_t *weights, size_t bytes, const uint16_t *places, uint32_t blocks)
{
    const uint16_t *end = places + (size_t)blocks * EBNN_LISTED_BLOCK;
    const size_t step = EBNN_LISTED_BLOCK * places_of(bytes);
    __m256i *planes = at->planes + at->first, low[LOW_PLANES], carry;

    low[0] = planes[0], low[1] = planes[1], low[2] = planes[2];
    low[3] = planes[3], low[4] = planes[4], low[5] = planes[5];
    for (; places < end; places += step) {
        carry = count_block(weights, bytes, places, low);
        if (places + step < end) {
            places += step;
            carry = add_pair(&low[5], pair_of(carry, count_block(weights, bytes, places, low)));
        } else {
            carry = add_pair(&low[5], pair_of(carry, _mm256_setzero_si256()));
        }
        for (uint32_t plane = at->first + LOW_PLANES; plane < at->count; plane++) {
            const __m256i next = _mm256_and_si256(at->planes[plane], carry);

            at->planes[plane] = _mm256_xor_si256(at->planes[plane], carry);
            carry = next;
        }
    }
    planes[0] = low[0], planes[1] = low[1], planes[2] = low[2];
    planes[3] = low[3], planes[4] = low[4], planes[5] = low[5];
    if (bytes == HALF_BYTES) {
        add_halves(at);
    }
}

/* `bytes` of a plane of limits; where they are half a register, in each half. */
AVX2_INLINE __m256i load_limits(const uint8_t *limits, size_t bytes)
{
    return bytes == HALF_BYTES ? table_at(limits) : load(limits);
}

AVX2_INLINE void answer(const ebnn_listing *work, size_t bytes, size_t offset)
{
    /* one half of a register alone starts from the seed */
    const __m256i seeded = bytes == HALF_BYTES ? _mm256_setr_epi64x(-1, -1, 0, 0) : _mm256_set1_epi64x(-1);
    const uint8_t *limits = work->limits + offset;
    __m256i reached = _mm256_set1_epi64x(-1);
    counters at;

    at.first = work->first;
    at.count = work->planes;
    for (uint32_t plane = 0; plane < work->planes; plane++) {
        at.planes[plane] = _mm256_and_si256(_mm256_set1_epi32(0 - (int32_t)(work->seed >> plane & 1)), seeded);
    }
    at.planes[work->planes] = _mm256_setzero_si256();
    add_listed(&at, work->rows + offset, bytes, work->places, work->blocks);
    for (uint32_t plane = 0; plane < work->planes; plane++, limits += bytes) {
        const __m256i missing = load_limits(limits, bytes), found = at.planes[plane];

        /* the majority of the three */
        reached = _mm256_or_si256(_mm256_and_si256(found, missing),
                                  _mm256_and_si256(_mm256_or_si256(found, missing), reached));
    }
    reached = _mm256_xor_si256(reached, load_limits(limits, bytes));
    if (bytes == HALF_BYTES) {
        _mm_storeu_si128((__m128i *)(void *)work->answers, _mm256_castsi256_si128(reached));
    } else {
        store(work->answers + offset, reached);
    }
}

AVX2 void ebnn_answer_avx2(const ebnn_listing *work)
{
    if (work->bytes == HALF_BYTES) {
        answer(work, HALF_BYTES, 0);
    } else if (work->bytes == 32) {
        answer(work, 32, 0);
    } else {
        answer(work, 64, 0);
        answer(work, 64, 32);
    }
}

/* The bits of `mask` of `high` come to lie `shift` higher, in the place of bits of `low` that go there. */
AVX2_INLINE void swap_bits(__m256i low, __m256i high, int shift, __m256i mask, __m256i *first, __m256i *second)
{
    const __m256i unlike = _mm256_and_si256(_mm256_xor_si256(_mm256_srli_epi64(low, shift), high), mask);

    *first = _mm256_xor_si256(low, _mm256_slli_epi64(unlike, shift));
    *second = _mm256_xor_si256(high, unlike);
}

/* Of eight registers the bytes of the first four alternate with those of the last four. */
AVX2_INLINE void interleave(const __m256i from[8], __m256i to[8])
{
    for (int i = 0; i < 4; i++) {
        to[2 * i] = _mm256_unpacklo_epi8(from[i], from[i + 4]);
        to[2 * i + 1] = _mm256_unpackhi_epi8(from[i], from[i + 4]);
    }
}

/* Eight planes, a bit a neuron, as a byte a neuron: register i has neurons 16 * i on, and in its upper half 128 later. */
AVX2_INLINE void bytes_of(const __m256i *planes, __m256i bytes[8])
{
    __m256i a[8], b[8];

    for (int i = 0; i < 4; i++) {
        swap_bits(planes[i], planes[i + 4], 4, _mm256_set1_epi8(0x0F), &a[i], &a[i + 4]);
    }
    for (int i = 0; i < 2; i++) {
        swap_bits(a[i], a[i + 2], 2, _mm256_set1_epi8(0x33), &b[i], &b[i + 2]);
        swap_bits(a[i + 4], a[i + 6], 2, _mm256_set1_epi8(0x33), &b[i + 4], &b[i + 6]);
    }
    for (int i = 0; i < 8; i += 2) {
        swap_bits(b[i], b[i + 1], 1, _mm256_set1_epi8(0x55), &a[i], &a[i + 1]);
    }
    /* register i has every eighth neuron, from i on */
    interleave(a, b);
    interleave(b, a);
    interleave(a, bytes);
}

/* The sums of eight neurons, or of so many as there are. */
AVX2_INLINE void write_eight(const ebnn_listed_sums *work, size_t first, __m128i counts)
{
    const __m256i found = _mm256_sll_epi32(_mm256_cvtepu16_epi32(counts), _mm_cvtsi32_si128((int)work->shift));
    const __m256i less = _mm256_sub_epi32(load(work->totals + first), _mm256_set1_epi32((int32_t)work->start));
    const __m256i sums = work->turned ? _mm256_sub_epi32(less, found) : _mm256_sub_epi32(found, less);

    if (first + 8 <= work->neurons) {
        store(work->sums + first, sums);
    } else if (first < work->neurons) {
        uint32_t each[8];

        store(each, sums);
        memcpy(work->sums + first, each, (work->neurons - first) * sizeof *each);
    }
}

AVX2_INLINE void sum_listed(const ebnn_listed_sums *work, size_t bytes, size_t offset)
{
    const size_t first = 8 * offset;
    __m256i low[8], high[8];
    counters at;

    at.first = 0;
    for (at.count = LOW_PLANES; EBNN_LISTED_BLOCK * (uint64_t)work->blocks >> at.count != 0;) {
        at.count++;
    }
    for (uint32_t plane = 0; plane < SUM_PLANES; plane++) {
        at.planes[plane] = _mm256_setzero_si256();
    }
    add_listed(&at, work->rows + offset, bytes, work->places, work->blocks);
    bytes_of(at.planes, low);
    bytes_of(at.planes + 8, high);
    for (size_t i = 0; i < 8; i++) {
        const __m256i before = _mm256_unpacklo_epi8(low[i], high[i]), behind = _mm256_unpackhi_epi8(low[i], high[i]);
        const size_t neuron = first + 16 * i;

        write_eight(work, neuron, _mm256_castsi256_si128(before));
        write_eight(work, neuron + 8, _mm256_castsi256_si128(behind));
        if (bytes != HALF_BYTES) {
            write_eight(work, neuron + 128, _mm256_extracti128_si256(before, 1));
            write_eight(work, neuron + 136, _mm256_extracti128_si256(behind, 1));
        }
    }
}

AVX2 void ebnn_sum_listed_avx2(const ebnn_listed_sums *work)
{
    if (work->bytes == HALF_BYTES) {
        sum_listed(work, HALF_BYTES, 0);
    } else if (work->bytes == 32) {
        sum_listed(work, 32, 0);
    } else {
        sum_listed(work, 64, 0);
        sum_listed(work, 64, 32);
    }
}

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx2_listing;

#endif
