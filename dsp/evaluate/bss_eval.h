// SPDX-License-Identifier: GPL-3.0-or-later
/**
   BSS Eval version 3: what of an estimate is a filtered version of the true source, of the other
   sources, and of nothing known. Private header.
*/
#ifndef UNBRAID_EVALUATE_BSS_EVAL_H
#define UNBRAID_EVALUATE_BSS_EVAL_H

#include "signal.h"
#include "unbraid/evaluate.h"

enum { UB_BSS_TAPS = 512 };

/**
   Fill the bss_ columns of `n` scores: estimate j is meant to be reference j. The mono downmixes
   are compared; references and estimates are of one shape.

   @return UB_OK, UB_NO_MEMORY, UB_CANCELLED.
*/
ub_status ub_bss_score(const ub_score_signal *references, const ub_score_signal *estimates,
                       size_t n, const ub_progress *progress, ub_score *scores);

#endif
