// SPDX-License-Identifier: GPL-3.0-or-later
/** UB_METHOD_BASS: the bass, the rest. Private header. */
#ifndef UNBRAID_GUIDE_BASS_H
#define UNBRAID_GUIDE_BASS_H

#include "guide.h"

/** Of what rings (hpss.h) the bass has what its line (bass_line.h) is likely to have. */
extern const ub_guide ub_guide_bass;

/**
   The share that a bass has of what rings.

   Its line is followed whether there is a bass or not. Each of six harmonics has the share of a
   logistic regression: the less, the higher the pitch, the more of the frame it is, and the more
   its channels differ. Keys and guitars that play alone in that range keep most of what they have.

   @param rings     n_channels, F x T, 0 to 1: the share of a channel that rings. Read only.
   @param expected  How much more likely than usual a bass is, a logarithm: 0 where nobody knows.
   @param share     F x T, every element is set, 0 to 1; 0 where there is no partial of the line.
   @return UB_OK or UB_NO_MEMORY. The same bits for every number of threads.
*/
ub_status ub_bass_share(const ub_scene *scene, const ub_matrix *rings, double expected,
                        ub_matrix *share);

#endif
