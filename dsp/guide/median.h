// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Running medians over the rows or the columns of a matrix. Private header.

   The median of a window is the lower of the two middle values where their number is even. Windows
   are cut at the edges of the matrix. A window is kept sorted from place to place, so a step costs
   what moving the values between the old and the new one does: at most the width of the window.
*/
#ifndef UNBRAID_GUIDE_MEDIAN_H
#define UNBRAID_GUIDE_MEDIAN_H

#include "unbraid/matrix.h"

/** Values [first, end) of a line, at least one. */
typedef struct ub_span {
    size_t first, end;
} ub_span;

/**
   Medians along time: out[f,t] is the median of V[f, t - around .. t + around].
   @param V    F x T, no NaN. Read only.
   @param out  F x T.
   @return UB_OK or UB_NO_MEMORY. Results do not depend on n_threads.
*/
ub_status ub_median_along_time(const ub_matrix *V, size_t around, size_t n_threads, ub_matrix *out);

/**
   Medians along frequency: out[f,t] is the median of V[spans[f], t].
   @param spans  F, within 0 to F; neither end falls from one bin to the next.
   Otherwise as ub_median_along_time().
*/
ub_status ub_median_along_frequency(const ub_matrix *V, const ub_span *spans, size_t n_threads,
                                    ub_matrix *out);

#endif
