/*
 * ebnn_cpu.c: what the processor can do, asked of the processor itself.
 *
 * __builtin_cpu_supports is no help: in libraries built by zig it answers 0 to every question. The answer is found when
 * the library is loaded: in a virtual machine the question alone takes longer than a small network.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_kernel.h"

#if defined(__x86_64__)

#include <cpuid.h>

static bool has_avx2;

static bool ask_for_avx2(void)
{
    const unsigned int os_saves_registers = 1U << 27; /* leaf 1, ECX: OSXSAVE */
    const unsigned int avx = 1U << 28;                /* leaf 1, ECX */
    const unsigned int avx2 = 1U << 5;                /* leaf 7, EBX */
    const unsigned int xmm_and_ymm = 6;               /* XCR0 */
    unsigned int a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & os_saves_registers) == 0 || (c & avx) == 0) {
        return false;
    }
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    if ((a & xmm_and_ymm) != xmm_and_ymm || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) {
        return false;
    }
    return (b & avx2) != 0;
}

__attribute__((constructor)) static void ask(void)
{
    has_avx2 = ask_for_avx2();
}

bool ebnn_cpu_has_avx2(void)
{
    return has_avx2;
}

#else

bool ebnn_cpu_has_avx2(void)
{
    return false;
}

#endif
