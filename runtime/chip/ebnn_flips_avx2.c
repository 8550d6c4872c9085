/*
 * ebnn_flips_avx2.c: wrong synapses of eight rows, one in each lane, until the last of them is decided.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_flips_kernel.h"

#if defined(__x86_64__)

#include "ebnn_philox_avx2.h"

/* Block `block` of each row. */
EBNN_AVX2_INLINE void draw_block(__m256i words[4], const ebnn_flips *flips, __m256i bank_row, uint32_t block)
{
    words[0] = bank_row;
    words[1] = _mm256_setzero_si256();
    words[2] = ebnn_all_lanes((uint32_t)flips->event);
    words[3] = ebnn_all_lanes((uint32_t)EBNN_DOMAIN_PROGRAM << 24 | block << 16 | (uint32_t)(flips->event >> 32));
    ebnn_philox_eight(words, flips->seed);
}

EBNN_AVX2 void ebnn_flips_avx2(const ebnn_flips *flips, uint32_t limit, const uint32_t bank_row[EBNN_FLIP_ROWS],
                               uint32_t masks[EBNN_FLIP_ROWS])
{
    const __m256i rows = _mm256_loadu_si256((const __m256i *)(const void *)bank_row);
    __m256i less = _mm256_setzero_si256(), undecided = ebnn_all_lanes(UINT32_MAX);

    for (uint32_t slice = 0; slice < EBNN_FLIP_SLICES; slice += EBNN_BLOCK_SLICES) {
        __m256i words[4];

        draw_block(words, flips, rows, slice / EBNN_BLOCK_SLICES);
        for (uint32_t part = 0; part < EBNN_BLOCK_SLICES; part++) {
            const __m256i limit_bits = ebnn_all_lanes(ebnn_limit_slice(limit, slice + part));
            const __m256i below = _mm256_andnot_si256(words[part], limit_bits);

            less = _mm256_or_si256(less, _mm256_and_si256(undecided, below));
            undecided = _mm256_andnot_si256(_mm256_xor_si256(words[part], limit_bits), undecided);
        }
        if (_mm256_testz_si256(undecided, undecided) != 0) {
            break;
        }
    }
    _mm256_storeu_si256((__m256i *)(void *)masks, _mm256_or_si256(less, undecided));
}

#else

/* a translation unit may not be empty */
typedef int ebnn_no_flips_avx2;

#endif
