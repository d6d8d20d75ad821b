// SPDX-License-Identifier: GPL-3.0-or-later
/**
   BSS Eval version 3: what of an estimate is a filtered version of the true source, of the other
   sources, and of nothing known. Private header.
*/
#ifndef UNBRAID_EVALUATE_BSS_EVAL_H
#define UNBRAID_EVALUATE_BSS_EVAL_H

#include "unbraid/evaluate.h"

enum { UB_BSS_TAPS = 512 };

typedef struct ub_bss ub_bss;

/**
   Prepare for references of n samples each; they are only read now.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_bss_new(const double *const *references, size_t n_sources, size_t n, ub_bss **out);
void ub_bss_free(ub_bss *bss);

/** Fill the bss_ columns for an estimate of reference `source`. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_bss_score(ub_bss *bss, size_t source, const double *estimate, ub_score *score);

#endif
