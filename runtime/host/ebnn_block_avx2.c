/*
 * ebnn_block_avx2.c: the block kernel for AVX2.
 *
 * Population counts by a table of nibbles in a register (pshufb), added up in bytes and widened before these overflow.
 * A tile of rows x vectors stays in registers, so that each word loaded is used several times.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_kernel.h"
#include "ebnn_writer.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE static inline __attribute__((target("avx2"), always_inline))

#define REGISTER_WORDS UINT32_C(8)
#define TILE_ROWS 4
#define TILE_VECTORS 2

/* What a tile multiplies: all inputs; those of a mask; those of a mask whose weight is not zero. */
enum { ALL, MASKED, TERNARY };

AVX2_INLINE __m256i load(const uint32_t *words)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

/* Set bits of each byte. */
AVX2_INLINE __m256i count_bytes(__m256i bits)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2,
                                           2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i low = _mm256_and_si256(bits, nibble);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bits, 4), nibble);

    return _mm256_add_epi8(_mm256_shuffle_epi8(table, low), _mm256_shuffle_epi8(table, high));
}

/*
 * Counts of `rows` rows by `vectors` vectors. ALL and MASKED: unlike bits, at most 8 a byte and step. TERNARY: alike
 * minus unlike bits, from -8 to 8 a byte and step, so the bytes start in the middle, at 128.
 */
AVX2_INLINE void count_tile(const ebnn_block *block, size_t row, size_t vector, int rows, int vectors, int mode,
                            __m256i totals[TILE_ROWS][TILE_VECTORS])
{
    const uint32_t words = block->words;
    const uint32_t steps = mode == TERNARY ? 15 : 31;
    const __m256i zero = _mm256_setzero_si256();
    const __m256i start = mode == TERNARY ? _mm256_set1_epi8(-128) : zero;
    const __m256i bias = mode == TERNARY ? _mm256_set1_epi64x(8 * 128) : zero;

    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            totals[r][v] = zero;
        }
    }
    for (uint32_t first = 0; first < words; first += steps * REGISTER_WORDS) {
        const uint32_t rest = (words - first) / REGISTER_WORDS;
        const uint32_t end = first + (rest < steps ? rest : steps) * REGISTER_WORDS;
        __m256i bytes[TILE_ROWS][TILE_VECTORS];

        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < vectors; v++) {
                bytes[r][v] = start;
            }
        }
        for (uint32_t word = first; word < end; word += REGISTER_WORDS) {
            for (int r = 0; r < rows; r++) {
                const size_t weights = (row + (size_t)r) * words + word;
                const __m256i sign = load(block->sign + weights);

                for (int v = 0; v < vectors; v++) {
                    const size_t at = vector + (size_t)v;
                    const __m256i unlike =
                        _mm256_xor_si256(sign, load(block->values + at * block->values_stride + word));

                    if (mode == ALL) {
                        bytes[r][v] = _mm256_add_epi8(bytes[r][v], count_bytes(unlike));
                    } else {
                        __m256i mask = load(block->mask + at * block->mask_stride + word);

                        if (mode == TERNARY) {
                            mask = _mm256_and_si256(mask, load(block->nonzero + weights));
                            bytes[r][v] = _mm256_add_epi8(bytes[r][v], count_bytes(_mm256_andnot_si256(unlike, mask)));
                            bytes[r][v] = _mm256_sub_epi8(bytes[r][v], count_bytes(_mm256_and_si256(unlike, mask)));
                        } else {
                            bytes[r][v] = _mm256_add_epi8(bytes[r][v], count_bytes(_mm256_and_si256(unlike, mask)));
                        }
                    }
                }
            }
        }
        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < vectors; v++) {
                const __m256i sums = _mm256_sub_epi64(_mm256_sad_epu8(bytes[r][v], zero), bias);

                totals[r][v] = _mm256_add_epi64(totals[r][v], sums);
            }
        }
    }
}

/* The sum of the four 64-bit lanes, modulo 2^32. */
AVX2_INLINE uint32_t sum_lanes(__m256i lanes)
{
    const __m128i pair = _mm_add_epi64(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));

    return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi64(pair, _mm_unpackhi_epi64(pair, pair)));
}

/* The sums of four registers' lanes as one register of four 32-bit numbers: sums are added before they are moved. */
AVX2_INLINE __m128i sum_lanes_of_four(__m256i a, __m256i b, __m256i c, __m256i d)
{
    const __m256i low = _mm256_set1_epi64x(INT64_C(0xFFFFFFFF));
    const __m256i ab = _mm256_or_si256(_mm256_and_si256(a, low), _mm256_slli_epi64(b, 32));
    const __m256i cd = _mm256_or_si256(_mm256_and_si256(c, low), _mm256_slli_epi64(d, 32));
    const __m256i sums = _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));

    return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
}

AVX2_INLINE void add_tile(const ebnn_block *block, size_t row, size_t vector, int rows, int vectors, int mode)
{
    __m256i totals[TILE_ROWS][TILE_VECTORS];

    count_tile(block, row, vector, rows, vectors, mode, totals);
    for (int v = 0; v < vectors; v++) {
        const size_t at = vector + (size_t)v;
        const uint32_t counting = mode == TERNARY ? 0 : block->counting[at];
        uint32_t *sums = block->sums + at * block->sums_stride + row;

        if (rows == TILE_ROWS) {
            __m128i dots = sum_lanes_of_four(totals[0][v], totals[1][v], totals[2][v], totals[3][v]);
            const __m128i before = _mm_loadu_si128((const __m128i *)(const void *)sums);

            if (mode != TERNARY) {
                dots = _mm_sub_epi32(_mm_set1_epi32((int32_t)counting), _mm_add_epi32(dots, dots));
            }
            dots = _mm_mullo_epi32(dots, _mm_set1_epi32((int32_t)block->weight));
            _mm_storeu_si128((__m128i *)(void *)sums, _mm_add_epi32(before, dots));
        } else {
            const uint32_t dot = sum_lanes(totals[0][v]);

            sums[0] += block->weight * (mode == TERNARY ? dot : counting - 2 * dot);
        }
    }
}

/* All rows and vectors, whole tiles first; a tile's rows stay in the nearest cache while the vectors pass by. */
AVX2_INLINE void add_tiles(const ebnn_block *block, int mode)
{
    size_t row = 0;

    for (; row + TILE_ROWS <= block->rows; row += TILE_ROWS) {
        size_t vector = 0;

        for (; vector + TILE_VECTORS <= block->vectors; vector += TILE_VECTORS) {
            add_tile(block, row, vector, TILE_ROWS, TILE_VECTORS, mode);
        }
        for (; vector < block->vectors; vector++) {
            add_tile(block, row, vector, TILE_ROWS, 1, mode);
        }
    }
    for (; row < block->rows; row++) {
        for (size_t vector = 0; vector < block->vectors; vector++) {
            add_tile(block, row, vector, 1, 1, mode);
        }
    }
}

AVX2 static void add_dots(const ebnn_block *block)
{
    if (block->nonzero != NULL) {
        add_tiles(block, TERNARY);
    } else if (block->mask != NULL) {
        add_tiles(block, MASKED);
    } else {
        add_tiles(block, ALL);
    }
}

AVX2 static void threshold_bits(const ebnn_steps *steps, const uint32_t *sums, uint32_t channels, uint32_t *words)
{
    const __m256i places = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const uint32_t whole = channels / EBNN_WORD_BITS * EBNN_WORD_BITS;

    for (uint32_t first = 0; first < whole; first += EBNN_WORD_BITS) {
        const uint32_t down = steps->directions != NULL ? steps->directions[first / EBNN_WORD_BITS] : 0;
        uint32_t word = 0;

        for (uint32_t i = 0; i < EBNN_WORD_BITS; i += 8) {
            const __m256i bits = _mm256_and_si256(_mm256_set1_epi32((int32_t)(down >> i)), places);
            const __m256i flip = _mm256_cmpeq_epi32(bits, places);
            const __m256i sum = _mm256_xor_si256(load(sums + first + i), flip);
            const __m256i threshold = load((const uint32_t *)steps->thresholds + first + i);
            const int below = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(threshold, sum)));

            word |= ((uint32_t)below ^ 255) << i;
        }
        words[first / EBNN_WORD_BITS] = word;
    }
    if (whole < channels) {
        uint32_t word = 0;

        for (uint32_t channel = whole; channel < channels; channel++) {
            word |= ebnn_count_steps(steps, channel, (int32_t)sums[channel]) << (channel - whole);
        }
        words[whole / EBNN_WORD_BITS] = word;
    }
}

#define REGISTER_VALUES 16

AVX2_INLINE __m256i load_values(const int16_t *values)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)values);
}

/* The sum of the eight 32-bit lanes, modulo 2^32. */
AVX2_INLINE uint32_t sum_eight(__m256i lanes)
{
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));

    return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, _MM_SHUFFLE(2, 3, 0, 1))));
}

/* A weight has eight bits, so the pairs that are added before they are widened stay inside 32. */
AVX2_INLINE void dot_tile(const int16_t *row, const int16_t *vectors, size_t length, int count, uint32_t *sums,
                          size_t sums_stride)
{
    __m256i totals[4];

    for (int v = 0; v < count; v++) {
        totals[v] = _mm256_setzero_si256();
    }
    for (size_t i = 0; i < length; i += REGISTER_VALUES) {
        const __m256i weights = load_values(row + i);

        for (int v = 0; v < count; v++) {
            const __m256i pairs = _mm256_madd_epi16(weights, load_values(vectors + (size_t)v * length + i));

            totals[v] = _mm256_add_epi32(totals[v], pairs);
        }
    }
    for (int v = 0; v < count; v++) {
        sums[(size_t)v * sums_stride] = sum_eight(totals[v]);
    }
}

AVX2 static void dot_values(const int16_t *row, const int16_t *vectors, size_t length, size_t count, uint32_t *sums,
                            size_t sums_stride)
{
    size_t vector = 0;

    for (; vector + 4 <= count; vector += 4) {
        dot_tile(row, vectors + vector * length, length, 4, sums + vector * sums_stride, sums_stride);
    }
    for (; vector < count; vector++) {
        dot_tile(row, vectors + vector * length, length, 1, sums + vector * sums_stride, sums_stride);
    }
}

const ebnn_kernel ebnn_kernel_avx2 = {REGISTER_WORDS, add_dots, threshold_bits, dot_values, ebnn_philox_rows_avx2};

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx2;

#endif
