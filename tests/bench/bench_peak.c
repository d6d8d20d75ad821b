// SPDX-License-Identifier: GPL-3.0-or-later
// What one thread can do at best: multiply-adds in registers. Twelve chains hide the latency of two
// pipes, also where a multiply-add is two instructions, and fit into sixteen registers.
#include "bench.h"

#include <string.h>

enum { CHAINS = 12, STEPS = 20000, ROUNDS = 40 };

#define PEAK(name, attribute, lanes)                                                               \
    attribute static double peak_##name(void)                                                      \
    {                                                                                              \
        typedef float vec __attribute__((vector_size(4 * lanes)));                                 \
        vec a[CHAINS], x = (vec){0} + 0.999f, y = (vec){0} + 0.001f;                               \
        double best = 0.0;                                                                         \
        for (int i = 0; i < CHAINS; i++) {                                                         \
            a[i] = (vec){0} + (float)i;                                                            \
        }                                                                                          \
        for (int round = 0; round < ROUNDS; round++) {                                             \
            const double start = bench_now();                                                      \
            for (int n = 0; n < STEPS; n++) {                                                      \
                a[0] = a[0] * x + y, a[1] = a[1] * x + y, a[2] = a[2] * x + y;                     \
                a[3] = a[3] * x + y, a[4] = a[4] * x + y, a[5] = a[5] * x + y;                     \
                a[6] = a[6] * x + y, a[7] = a[7] * x + y, a[8] = a[8] * x + y;                     \
                a[9] = a[9] * x + y, a[10] = a[10] * x + y, a[11] = a[11] * x + y;                 \
            }                                                                                      \
            const double rate = 2.0 * STEPS * CHAINS * lanes / (bench_now() - start) * 1e-9;       \
            best = rate > best ? rate : best;                                                      \
        }                                                                                          \
        float sum = 0.0f;                                                                          \
        for (int i = 0; i < CHAINS; i++) {                                                         \
            sum += a[i][0];                                                                        \
        }                                                                                          \
        return sum == 0.123f ? 0.0 : best; /* the sums are used */                                 \
    }

PEAK(generic, , 4)
#if defined(__x86_64__)
PEAK(avx2, __attribute__((target("avx2,fma"))), 8)
PEAK(avx512, __attribute__((target("avx512f,fma"))), 16)
#endif

double bench_peak_gflops(const char *kernels)
{
#if defined(__x86_64__)
    if (strcmp(kernels, "avx512") == 0) {
        return peak_avx512();
    }
    if (strcmp(kernels, "avx2") == 0) {
        return peak_avx2();
    }
#else
    (void)kernels;
#endif
    return peak_generic(); // what every CPU of the architecture has, NEON too
}
