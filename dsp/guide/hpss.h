// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What is struck and what rings, by medians (FitzGerald 2010). Private header.

   What rings is a line along time: a median along time keeps it and drops hits. A hit is a line
   along frequency: a median along frequency keeps it and drops partials. The window of the second
   grows with frequency, as instruments' spectra do: one of constant width is wider than all that a
   bass drum has, and takes it for a tone.

   FitzGerald. Harmonic/percussive separation using median filtering. DAFx 2010.
*/
#ifndef UNBRAID_GUIDE_HPSS_H
#define UNBRAID_GUIDE_HPSS_H

#include "guide.h"

/**
   The share of what is struck: P^2 / (P^2 + H^2), with H the median over 0.3 s and P that over 0.7
   of the frequency, at most 500 Hz.

   @param magnitudes  F x T, finite, >= 0, for instance of ub_scene_sum(). Read only.
   @param percussive  F x T, every element is set: 0 to 1, and a half where H and P are zero.
   @return UB_OK or UB_NO_MEMORY. The same bits for every number of threads.
*/
ub_status ub_hpss_mask(const ub_scene *scene, const ub_matrix *magnitudes, ub_matrix *percussive);

#endif
