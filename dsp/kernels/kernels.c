// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels.h"
#include "kernels_sets.h"

#include <math.h>
#include <string.h>

#if defined(UB_HAVE_X86)
static bool runs_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool runs_avx512(void)
{
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

size_t ub_kernels_all(const ub_kernels *sets[4])
{
    size_t n = 0;
    sets[n++] = &ub_kernels_generic;
#if defined(UB_HAVE_X86)
    if (runs_avx2()) {
        sets[n++] = &ub_kernels_avx2;
    }
    if (runs_avx512()) {
        sets[n++] = &ub_kernels_avx512;
    }
#elif defined(UB_HAVE_NEON)
    sets[n++] = &ub_kernels_neon;
#endif
    return n;
}

const ub_kernels *ub_kernels_best(void)
{
    const ub_kernels *sets[4];
    const size_t n = ub_kernels_all(sets);
    return sets[n - 1];
}

const ub_kernels *ub_kernels_named(const char *name)
{
    const ub_kernels *sets[4];
    const size_t n = ub_kernels_all(sets);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sets[i]->name, name) == 0) {
            return sets[i];
        }
    }
    return NULL;
}

ub_packing ub_kernels_packing(const ub_kernels *kernels, size_t n_channels, size_t n_bins,
                              size_t n_components)
{
    const size_t padded = (n_bins + kernels->lanes - 1) / kernels->lanes * kernels->lanes;
    const size_t rest = n_components % kernels->lanes;
    const size_t n_across = n_components - rest + (rest > kernels->lanes / 2 ? kernels->lanes : 0);
    return (ub_packing){
        .n_channels = n_channels,
        .n_bins = n_bins,
        .n_components = n_components,
        .padded_bins = padded,
        .n_floats = n_channels * padded * n_components,
        .n_across = n_across,
        .n_transposed = n_channels * padded * n_across,
    };
}

double ub_beta_settled(double beta)
{
    if (fabs(beta) < 1e-4) {
        return 0.0;
    }
    return fabs(beta - 1.0) < 1e-4 ? 1.0 : beta;
}

ub_form ub_form_for(double beta)
{
    if (beta == 0.0) {
        return UB_FORM_ITAKURA_SAITO;
    }
    if (beta == 0.5) {
        return UB_FORM_HALF;
    }
    if (beta == 1.0) {
        return UB_FORM_KULLBACK;
    }
    return beta == 2.0 ? UB_FORM_EUCLID : UB_FORM_GENERAL;
}
