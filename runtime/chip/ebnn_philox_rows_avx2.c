/*
 * ebnn_philox_rows_avx2.c: one row in each lane.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_philox_rows.h"

#if defined(__x86_64__)

#include "ebnn_philox_avx2.h"

EBNN_AVX2 void ebnn_philox_rows_avx2(ebnn_drawn *drawn, uint64_t seed)
{
    __m256i words[4];

    for (int w = 0; w < 4; w++) {
        words[w] = _mm256_loadu_si256((const __m256i *)(const void *)drawn->words[w]);
    }
    ebnn_philox_eight(words, seed);
    for (int w = 0; w < 4; w++) {
        _mm256_storeu_si256((__m256i *)(void *)drawn->words[w], words[w]);
    }
}

#else

/* a translation unit may not be empty */
typedef int ebnn_no_philox_rows_avx2;

#endif
