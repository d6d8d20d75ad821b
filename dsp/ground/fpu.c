// SPDX-License-Identifier: GPL-3.0-or-later
#include "fpu.h"

#if defined(__SSE__)
#include <xmmintrin.h>

uint64_t ub_fpu_flush_denormals(void)
{
    const uint64_t mode = _mm_getcsr();
    // Bit 15: results flush to zero. Bit 6: denormal operands count as zero.
    _mm_setcsr((unsigned)mode | 0x8040u);
    return mode;
}

void ub_fpu_restore(uint64_t mode)
{
    _mm_setcsr((unsigned)mode);
}

#elif defined(__aarch64__)

uint64_t ub_fpu_flush_denormals(void)
{
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    // Bit 24: flush to zero, operands and results.
    __asm__ volatile("msr fpcr, %0" : : "r"(mode | (UINT64_C(1) << 24)));
    return mode;
}

void ub_fpu_restore(uint64_t mode)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
}

#else

uint64_t ub_fpu_flush_denormals(void)
{
    return 0;
}

void ub_fpu_restore(uint64_t mode)
{
    (void)mode;
}

#endif
