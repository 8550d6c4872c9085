/*
 * lookup_limit.c: how fast AVX2 looks weights up, and multiplies bytes: all in registers, no memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>

#if defined(__x86_64__)

#include <immintrin.h>

/* Registers of sums, so that no addition waits for the one before. */
#define SUMS 8

#define AVX2 __attribute__((target("avx2")))
/* Keeps the compiler from computing what is in a register only once. */
#define ANEW(value) __asm__ volatile("" : "+x"(value))

typedef struct sums_of {
    __m256i each[SUMS];
    __m256i value;
    __m256i other;
} sums_of;

AVX2 static inline sums_of begin(const uint64_t *sink)
{
    sums_of sums;

    sums.value = sums.other = _mm256_set1_epi64x((long long)*sink);
    for (int i = 0; i < SUMS; i++) {
        sums.each[i] = _mm256_setzero_si256();
    }
    return sums;
}

AVX2 static inline void end(const sums_of *sums, uint64_t *sink)
{
    for (int i = 0; i < SUMS; i++) {
        *sink += (uint64_t)_mm256_extract_epi64(sums->each[i], 0);
    }
}

/* Bits against bits: a look-up has four products in each of 32 bytes. */
AVX2 uint64_t lookup_limit_bits(uint64_t rounds, uint64_t *sink)
{
    sums_of sums = begin(sink);

    for (uint64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < SUMS; i++) {
            ANEW(sums.other);
            sums.each[i] = _mm256_add_epi8(sums.each[i], _mm256_shuffle_epi8(sums.value, sums.other));
        }
    }
    end(&sums, sink);
    return rounds * SUMS * 128;
}

/* A sum of eight look-ups, of the low or the high 5 bits of sums of four values each. */
AVX2 static inline __m256i eight_found(sums_of *sums)
{
    __m256i found = _mm256_setzero_si256();

    for (int i = 0; i < 8; i++) {
        ANEW(sums->other);
        found = _mm256_add_epi8(found, _mm256_shuffle_epi8(sums->value, sums->other));
    }
    return found;
}

/* Bits against bytes: a look-up of low and one of high bits have four products, and what puts both together. */
AVX2 uint64_t lookup_limit_bytes(uint64_t rounds, uint64_t *sink)
{
    sums_of sums = begin(sink);

    for (uint64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < SUMS / 2; i += 2) {
            const __m256i low = eight_found(&sums), high = eight_found(&sums);
            const __m256i first = _mm256_unpacklo_epi8(low, high), second = _mm256_unpackhi_epi8(low, high);

            sums.each[i] = _mm256_add_epi16(sums.each[i], _mm256_maddubs_epi16(first, sums.value));
            sums.each[i + 1] = _mm256_add_epi16(sums.each[i + 1], _mm256_maddubs_epi16(second, sums.value));
        }
    }
    end(&sums, sink);
    return rounds * SUMS / 4 * 1024;
}

/* Bytes against bytes: two products in each of 16 lanes. */
AVX2 uint64_t multiply_limit_bytes(uint64_t rounds, uint64_t *sink)
{
    sums_of sums = begin(sink);

    for (uint64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < SUMS; i++) {
            ANEW(sums.other);
            sums.each[i] = _mm256_add_epi16(sums.each[i], _mm256_maddubs_epi16(sums.value, sums.other));
        }
    }
    end(&sums, sink);
    return rounds * SUMS * 32;
}

#endif
