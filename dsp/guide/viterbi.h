// SPDX-License-Identifier: GPL-3.0-or-later
/** The best path through what fits (Viterbi 1967): one state for each frame. Private header. */
#ifndef UNBRAID_GUIDE_VITERBI_H
#define UNBRAID_GUIDE_VITERBI_H

#include "unbraid/matrix.h"

/** What it costs to be elsewhere in the next frame, in the unit of the fits; >= 0. */
typedef struct ub_moves {
    size_t reach; ///< how many states away is still near
    double step; ///< to a state near by, for each that it is away, but never more than a jump
    double jump; ///< to any other
} ub_moves;

/**
   The largest sum of fits, less what the moves cost. Where several are as good, it stays.
   @param fits  N x T, N from 1 to 65535, finite. Read only.
   @param path  T, 0 to N - 1: every element is set.
   @return UB_OK or UB_NO_MEMORY. Takes O(N T reach) time, and 2 N T bytes.
*/
ub_status ub_viterbi_follow(const ub_matrix *fits, ub_moves moves, size_t *path);

#endif
