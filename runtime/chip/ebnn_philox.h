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

/* The last word of a counter. */
static inline uint32_t ebnn_draw_tag(uint32_t domain, uint64_t event, uint32_t block)
{
    return domain << 24 | block << 16 | (uint32_t)(event >> 32);
}

/*
 * What the draws of one kind share in all columns of a row: the keys, and the first three rounds as far as the column
 * does not come into them. After round 1 word 0 is `column` XOR the column, and nothing else depends on it; of round 2
 * the product of word 0 is left to do, of round 3 that of word 2.
 */
typedef struct ebnn_philox_row {
    uint32_t keys[EBNN_PHILOX_ROUNDS][2];
    uint32_t column;   /* word 0 after round 1, but for the column */
    uint32_t second;   /* what word 2 gets in round 2, but for its product */
    uint32_t third[2]; /* what words 0 and 2 get in round 3, but for the product and for word 3 */
    uint32_t last;     /* word 3 after round 3 */
} ebnn_philox_row;

static inline ebnn_philox_row ebnn_philox_begin(uint64_t seed, uint32_t domain, uint32_t bank_row, uint64_t event,
                                                uint32_t block)
{
    const uint64_t p0 = (uint64_t)EBNN_PHILOX_M0 * bank_row, p1 = (uint64_t)EBNN_PHILOX_M1 * (uint32_t)event;
    ebnn_philox_row row;
    uint64_t q0, q1;
    uint32_t second;

    for (uint32_t round = 0; round < EBNN_PHILOX_ROUNDS; round++) {
        row.keys[round][0] = (uint32_t)seed + round * EBNN_PHILOX_W0;
        row.keys[round][1] = (uint32_t)(seed >> 32) + round * EBNN_PHILOX_W1;
    }
    row.column = (uint32_t)(p1 >> 32) ^ row.keys[0][0];
    second = (uint32_t)(p0 >> 32) ^ ebnn_draw_tag(domain, event, block) ^ row.keys[0][1];
    row.second = (uint32_t)p0 ^ row.keys[1][1];
    q1 = (uint64_t)EBNN_PHILOX_M1 * second;
    row.third[0] = (uint32_t)q1 ^ row.keys[2][0];
    q0 = (uint64_t)EBNN_PHILOX_M0 * ((uint32_t)(q1 >> 32) ^ (uint32_t)p1 ^ row.keys[1][0]);
    row.third[1] = (uint32_t)(q0 >> 32) ^ row.keys[2][1];
    row.last = (uint32_t)q0;
    return row;
}

/* The four words of block `block` of a draw; `event` is below 2^48. */
static inline void ebnn_draw(uint32_t words[4], uint64_t seed, uint32_t domain, uint32_t bank_row, uint32_t within,
                             uint64_t event, uint32_t block)
{
    words[0] = bank_row;
    words[1] = within;
    words[2] = (uint32_t)event;
    words[3] = ebnn_draw_tag(domain, event, block);
    ebnn_philox(words, seed);
}

#endif
