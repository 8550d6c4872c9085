/*
 * ebnn_sampler.c: see ebnn_sampler.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_sampler.h"

#include "ebnn_kernel.h"

int32_t ebnn_sampler_choose(int32_t kernel)
{
    if (kernel == EBNN_SAMPLER_BEST) {
        return ebnn_cpu_has_avx2() ? EBNN_SAMPLER_AVX2 : EBNN_SAMPLER_PORTABLE;
    }
    if (kernel == EBNN_SAMPLER_AVX2) {
        return ebnn_cpu_has_avx2() ? EBNN_SAMPLER_AVX2 : -1;
    }
    return kernel == EBNN_SAMPLER_PORTABLE ? EBNN_SAMPLER_PORTABLE : -1;
}
