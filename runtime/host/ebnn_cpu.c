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

static bool has_avx2, has_avx512;

/* Whether the operating system saves all of these registers, bits of XCR0. */
static bool saves(unsigned int registers)
{
    const unsigned int can_be_asked = 1U << 27; /* leaf 1, ECX: OSXSAVE */
    unsigned int a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & can_be_asked) == 0) {
        return false;
    }
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (a & registers) == registers;
}

__attribute__((constructor)) static void ask(void)
{
    const unsigned int xmm_and_ymm = 0x06, opmask_and_zmm = 0xE0;
    const unsigned int avx = 1U << 28;                                   /* leaf 1, ECX */
    const unsigned int avx2 = 1U << 5, bmi2 = 1U << 8;                   /* leaf 7, EBX */
    const unsigned int avx512_fbwvl = 1U << 16 | 1U << 30 | 1U << 31;    /* leaf 7, EBX */
    const unsigned int vbmi_vnni_popcnt = 1U << 1 | 1U << 11 | 1U << 14; /* leaf 7, ECX */
    const unsigned int wide = avx512_fbwvl | bmi2;
    unsigned int a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & avx) == 0 || !saves(xmm_and_ymm) ||
        __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) {
        return;
    }
    has_avx2 = (b & avx2) != 0;
    has_avx512 = has_avx2 && saves(opmask_and_zmm) && (b & wide) == wide && (c & vbmi_vnni_popcnt) == vbmi_vnni_popcnt;
}

bool ebnn_cpu_has_avx2(void)
{
    return has_avx2;
}

bool ebnn_cpu_has_avx512(void)
{
    return has_avx512;
}

#else

bool ebnn_cpu_has_avx2(void)
{
    return false;
}

bool ebnn_cpu_has_avx512(void)
{
    return false;
}

#endif
