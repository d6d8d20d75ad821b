// SPDX-License-Identifier: GPL-3.0-or-later
/** What the templates of a dictionary make of a stretch. Private header. */
#ifndef UNBRAID_GUIDE_TAUGHT_H
#define UNBRAID_GUIDE_TAUGHT_H

#include "guide.h"

/**
   The share that one source of the scene's dictionary has, and that all others have together, by
   activations of fixed templates, frame by frame.

   @param names       n_names; the first that the dictionary has a source of is the one.
   @param magnitudes  F x T, of ub_scene_sum() for instance. Read only.
   @param n_updates   Of the activations; one of eleven is of bins, the others are of bands.
   @param share       F x T, every element is set, 0 to 1.
   @return UB_OK, UB_NO_MEMORY, UB_CANCELLED, UB_BAD_VALUE (the dictionary has no such source, or no
           other). The same bits for every number of threads.
*/
ub_status ub_taught_share(const ub_scene *scene, const char *const *names, size_t n_names,
                          const ub_matrix *magnitudes, size_t n_updates,
                          const ub_progress *progress, ub_matrix *share, ub_message *why);

#endif
