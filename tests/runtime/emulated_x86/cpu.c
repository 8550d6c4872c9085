/*
 * cpu.c: the answer of ebnn_cpu.c where AVX-512 is emulated.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_kernel.h"

bool ebnn_cpu_has_avx512(void)
{
    return true;
}
