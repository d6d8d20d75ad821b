// SPDX-License-Identifier: GPL-3.0-or-later
/** Textbook loops for guides, in double precision: medians by counting, shares and masks of
    components straight from their formulas. */
#ifndef UNBRAID_TESTS_REFERENCE_GUIDE_H
#define UNBRAID_TESTS_REFERENCE_GUIDE_H

#include "reference_nmf.h"

/** The value of x[first .. end) that half of the others are below; the lower one of two. */
float reference_median(const float *x, size_t first, size_t end, size_t step);

/**
   Weights of components under priors m[(j T + t) F + f]: shares of what a component has of the
   data, sharpened.
   @param w  [j K + k].
*/
void reference_weigh(const reference_nmf *nmf, const reference_point *point, const double *m,
                     size_t n_priors, double sharpness, double *w);

/** Mask of source j at channel c, bin f and frame t; an equal share where there is no model. */
double reference_mask(const reference_nmf *nmf, const reference_point *point, const double *w,
                      size_t n_priors, double exponent, size_t j, size_t c, size_t f, size_t t);

/** What it costs to be elsewhere: `step` for each state up to `reach` of them, never more than
    `jump`, and `jump` beyond. */
double reference_move(size_t from, size_t to, size_t reach, double step, double jump);

/** The largest sum of x[t N + n_t], less the moves, over all N^T paths n_t. */
double reference_best_path(const double *x, size_t n, size_t n_frames, size_t reach, double step,
                           double jump);

#endif
