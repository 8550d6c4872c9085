/*
 * ebnn_philox.h: Philox4x32-10 (Salmon et al., SC 2011), keyed and counted as edgebnn/chip/random/philox.py says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_PHILOX_H
#define EBNN_PHILOX_H

#include <stdint.h>

#define EBNN_PHILOX_ROUNDS 10
#define EBNN_PHILOX_M0 UINT32_C(0xD2511F53)
#define EBNN_PHILOX_M1 UINT32_C(0xCD9E8D57)
#define EBNN_PHILOX_W0 UINT32_C(0x9E3779B9)
#define EBNN_PHILOX_W1 UINT32_C(0xBB67AE85)

/* What a random number is for; the top byte of the counter's last word. */
enum {
    EBNN_DOMAIN_DEVICE = 1,
    EBNN_DOMAIN_OFFSET = 2,
    EBNN_DOMAIN_PROGRAM = 3,
    EBNN_DOMAIN_READ = 4,
    EBNN_DOMAIN_SPATIAL = 5,
    EBNN_DOMAIN_VERIFY = 6,
    EBNN_DOMAIN_SETTLING = 7,
    EBNN_DOMAIN_TELEGRAPH = 8,
    EBNN_DOMAIN_STUCK = 9
};

/* Four random words in place of the counter. */
static inline void ebnn_philox(uint32_t counter[4], uint64_t seed)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

    for (int round = 0; round < EBNN_PHILOX_ROUNDS; round++) {
        const uint64_t p0 = (uint64_t)EBNN_PHILOX_M0 * counter[0];
        const uint64_t p1 = (uint64_t)EBNN_PHILOX_M1 * counter[2];
        const uint32_t c1 = counter[1], c3 = counter[3];

        counter[0] = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        counter[1] = (uint32_t)p1;
        counter[2] = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        counter[3] = (uint32_t)p0;
        k0 += EBNN_PHILOX_W0;
        k1 += EBNN_PHILOX_W1;
    }
}

/* The four words of block `block` of a draw; `event` is below 2^48. */
static inline void ebnn_draw(uint32_t words[4], uint64_t seed, uint32_t domain, uint32_t bank_row, uint32_t within,
                             uint64_t event, uint32_t block)
{
    words[0] = bank_row;
    words[1] = within;
    words[2] = (uint32_t)event;
    words[3] = domain << 24 | block << 16 | (uint32_t)(event >> 32);
    ebnn_philox(words, seed);
}

#endif
