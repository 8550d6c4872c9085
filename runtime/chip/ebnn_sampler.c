/*
 * ebnn_sampler.c: see ebnn_sampler.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_sampler.h"

#include "ebnn_kernel.h"

/* Whether this processor can run a kernel that exists. */
static bool can_run(int32_t kernel)
{
    switch (kernel) {
    case EBNN_SAMPLER_PORTABLE:
        return true;
    case EBNN_SAMPLER_AVX2:
        return ebnn_cpu_has_avx2();
    case EBNN_SAMPLER_AVX512:
        return ebnn_cpu_has_avx512();
    default:
        return false;
    }
}

int32_t ebnn_sampler_choose(int32_t kernel)
{
    int32_t best = EBNN_SAMPLER_AVX512;

    if (kernel != EBNN_SAMPLER_BEST) {
        return can_run(kernel) ? kernel : -1;
    }
    while (!can_run(best)) {
        best--;
    }
    return best;
}
