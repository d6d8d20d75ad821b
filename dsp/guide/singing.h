// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Whether somebody sings. Private header.

   A voice glides from note to note and about each of them; the pitch of keys, and of most of what
   is blown or plucked, stays or jumps. What may be a voice is followed by its pitch whether it is
   one or not, and how much of its energy is in frames with a clear pitch that glides tells how
   likely it is one. Where nearly all of it stays in its bins it is none.
*/
#ifndef UNBRAID_GUIDE_SINGING_H
#define UNBRAID_GUIDE_SINGING_H

#include "guide.h"

/**
   How likely what may be a voice is one.
   @param magnitudes  F x T, of ub_scene_sum(). Read only.
   @param voice       F x T: its share of them by ub_vocals_share(). Read only.
   @param rings       F x T: the share that rings. Read only.
   @param likely      0 to 1 for the stretch; 0 where nothing sounds.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_singing_find(const ub_scene *scene, const ub_matrix *magnitudes,
                          const ub_matrix *voice, const ub_matrix *rings, double *likely);

#endif
