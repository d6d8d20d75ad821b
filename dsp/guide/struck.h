// SPDX-License-Identifier: GPL-3.0-or-later
/** What the prior of hits says of components. Private header. */
#ifndef UNBRAID_GUIDE_STRUCK_H
#define UNBRAID_GUIDE_STRUCK_H

#include "prior.h"

/**
   The share of each component that is struck: <P, Q_k W_k H_k / X . V> / <1, Q_k W_k H_k / X . V>,
   P of ub_hpss_mask().

   @param factors  A fit to the scene's spectra, K components.
   @param struck   Room for K: 0 to 1, a half where a component has nothing.
   @return UB_OK or UB_NO_MEMORY. The same bits for every number of threads. Memory does not grow
           with the scene: 1024 frames are looked at at a time.
*/
ub_status ub_struck_shares(const ub_scene *scene, const ub_nmf_factors *factors, float *struck);

#endif
