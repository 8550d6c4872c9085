/*
 * lookup_limit.c: how fast AVX2 looks weights up, adds listed rows, and multiplies bytes: all in registers, no memory.
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

/* Two rows of weights in the adders' form: one of them, and where the other is unlike it. */
typedef struct pair {
    __m256i first;
    __m256i unlike;
} pair;

AVX2 static inline pair a_pair(sums_of *sums)
{
    pair both;

    ANEW(sums->value);
    ANEW(sums->other);
    both.first = sums->value;
    both.unlike = _mm256_xor_si256(sums->value, sums->other);
    return both;
}

/* The adder of two pairs of ebnn_listing_avx2.c. */
AVX2 static inline pair add_pairs(__m256i *sum, pair a, pair b)
{
    const __m256i half = _mm256_xor_si256(*sum, a.unlike);
    const __m256i alike = _mm256_or_si256(a.unlike, _mm256_xor_si256(a.first, half));
    const __m256i other = _mm256_andnot_si256(b.unlike, _mm256_xor_si256(b.first, half));
    const pair carried = {_mm256_xor_si256(half, alike), _mm256_xor_si256(alike, other)};

    *sum = _mm256_xor_si256(half, b.unlike);
    return carried;
}

AVX2 static inline pair add_four(sums_of *sums)
{
    const pair first = a_pair(sums);

    return add_pairs(&sums->each[0], first, a_pair(sums));
}

AVX2 static inline pair add_eight(sums_of *sums)
{
    const pair first = add_four(sums);

    return add_pairs(&sums->each[1], first, add_four(sums));
}

AVX2 static inline pair add_sixteen(sums_of *sums)
{
    const pair first = add_eight(sums);

    return add_pairs(&sums->each[2], first, add_eight(sums));
}

/* Lists of bits: of 32 rows of 256 neurons, each for two inputs of which one is active. */
AVX2 uint64_t listing_limit_bits(uint64_t rounds, uint64_t *sink)
{
    sums_of sums = begin(sink);

    for (uint64_t round = 0; round < rounds; round++) {
        const pair first = add_sixteen(&sums), carried = add_pairs(&sums.each[3], first, add_sixteen(&sums));

        sums.each[4] = _mm256_xor_si256(sums.each[4], carried.first);
        sums.each[5] = _mm256_xor_si256(sums.each[5], carried.unlike);
    }
    end(&sums, sink);
    return rounds * 32 * 2 * 256;
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
