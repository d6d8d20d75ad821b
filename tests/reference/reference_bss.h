// SPDX-License-Identifier: GPL-3.0-or-later
/** BSS Eval version 3 by its definition: correlations, elimination, filtered signals. Slow. */
#ifndef UNBRAID_TESTS_REFERENCE_BSS_H
#define UNBRAID_TESTS_REFERENCE_BSS_H

#include <stddef.h>

typedef struct reference_bss_score {
    double sdr, sir, sar;
} reference_bss_score;

/**
   Compare an estimate with reference `source` of `n_sources`, all of n samples, with filters of
   `taps` taps. Aborts without memory.
*/
reference_bss_score reference_bss(const double *const *references, size_t n_sources, size_t source,
                                  const double *estimate, size_t n, size_t taps);

#endif
