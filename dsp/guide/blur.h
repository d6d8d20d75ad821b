// SPDX-License-Identifier: GPL-3.0-or-later
/** Means over the neighbourhood of a bin, weighted by a Gaussian. Private header. */
#ifndef UNBRAID_GUIDE_BLUR_H
#define UNBRAID_GUIDE_BLUR_H

#include "unbraid/matrix.h"

/**
   out[f,t] is the mean of V around f and t. Weights end at three standard deviations and at the
   edges of the matrix, and sum to one.

   @param V     F x T. Read only.
   @param frames, bins  Standard deviations, >= 0; 0 takes the place itself alone.
   @param out   F x T, not V: every element is set.
   @return UB_OK or UB_NO_MEMORY. Time O(F T (frames + bins)).
*/
ub_status ub_blur(const ub_matrix *V, double frames, double bins, ub_matrix *out);

#endif
