/*
 * ebnn_philox_rows_portable.c: round by round over all rows, in a loop that compilers turn into vector code.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_philox.h"
#include "ebnn_philox_rows.h"

void ebnn_philox_rows_portable(ebnn_drawn *drawn, uint64_t seed)
{
    uint32_t *restrict c0 = drawn->words[0], *restrict c1 = drawn->words[1];
    uint32_t *restrict c2 = drawn->words[2], *restrict c3 = drawn->words[3];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

    for (int round = 0; round < EBNN_PHILOX_ROUNDS; round++) {
        for (int i = 0; i < EBNN_DRAWN_ROWS; i++) {
            const uint64_t p0 = (uint64_t)EBNN_PHILOX_M0 * c0[i];
            const uint64_t p1 = (uint64_t)EBNN_PHILOX_M1 * c2[i];

            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c1[i] = (uint32_t)p1;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c3[i] = (uint32_t)p0;
        }
        k0 += EBNN_PHILOX_W0;
        k1 += EBNN_PHILOX_W1;
    }
}
