/*
 * popcount_limit.c: how fast a processor counts the bits that two registers do not share: all in registers, no memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>

#include "ebnn_kernel.h"

/* Registers of sums, so that no addition waits for the one before. */
#define SUMS 8

#if defined(__x86_64__)

#include <immintrin.h>

/* Bits counted by so many rounds. `sink` keeps the compiler from leaving the work out. */
__attribute__((target("popcnt"))) static uint64_t count_words(uint64_t rounds, uint64_t *sink)
{
    uint64_t sums[SUMS] = {0}, value = *sink;

    for (uint64_t round = 0; round < rounds; round++) {
        for (uint64_t i = 0; i < SUMS; i++) {
            __asm__ volatile("" : "+r"(value));
            sums[i] += (uint64_t)_mm_popcnt_u64(value ^ round);
        }
    }
    for (int i = 0; i < SUMS; i++) {
        *sink += sums[i];
    }
    return rounds * SUMS * 64;
}

__attribute__((target("avx512f,avx512vpopcntdq"))) static uint64_t count_registers(uint64_t rounds, uint64_t *sink)
{
    __m512i sums[SUMS], value = _mm512_set1_epi64((long long)*sink), other = _mm512_setzero_si512();

    for (int i = 0; i < SUMS; i++) {
        sums[i] = _mm512_setzero_si512();
    }
    for (uint64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < SUMS; i++) {
            __asm__ volatile("" : "+v"(value), "+v"(other));
            sums[i] = _mm512_add_epi64(sums[i], _mm512_popcnt_epi64(_mm512_xor_si512(value, other)));
        }
    }
    for (int i = 0; i < SUMS; i++) {
        *sink += (uint64_t)_mm512_reduce_add_epi64(sums[i]);
    }
    return rounds * SUMS * 512;
}

uint64_t popcount_limit(uint64_t rounds, uint64_t *sink)
{
    return ebnn_cpu_has_avx512() ? count_registers(rounds, sink) : count_words(rounds, sink);
}

#elif defined(__aarch64__)

#include <arm_neon.h>

uint64_t popcount_limit(uint64_t rounds, uint64_t *sink)
{
    uint8x16_t sums[SUMS], value = vdupq_n_u8((uint8_t)*sink), other = vdupq_n_u8(0);

    for (int i = 0; i < SUMS; i++) {
        sums[i] = vdupq_n_u8(0);
    }
    for (uint64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < SUMS; i++) {
            __asm__ volatile("" : "+w"(value), "+w"(other));
            sums[i] = vaddq_u8(sums[i], vcntq_u8(veorq_u8(value, other)));
        }
    }
    for (int i = 0; i < SUMS; i++) {
        *sink += vaddvq_u8(sums[i]);
    }
    return rounds * SUMS * 128;
}

#endif
