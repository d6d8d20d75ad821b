// SPDX-License-Identifier: GPL-3.0-or-later
/** The guide of UB_METHOD_VOCALS: what does not repeat itself (repetition.h) is the voice. Private
    header. */
#ifndef UNBRAID_GUIDE_VOCALS_H
#define UNBRAID_GUIDE_VOCALS_H

#include "guide.h"
#include "pitch.h"

/**
   The share of a bin that may be a voice.
   @param magnitudes  F x T, of ub_scene_sum(). Read only.
   @param voice       F x T, every element is set, 0 to 1.
   @return UB_OK, UB_NO_MEMORY, UB_CANCELLED.
*/
ub_status ub_vocals_share(const ub_scene *scene, const ub_matrix *magnitudes,
                          const ub_progress *progress, ub_matrix *voice);

/**
   The pitch of what may be a voice.
   @param magnitudes, voice  F x T: the voice's share of the magnitudes. Read only.
   @param pitches            T.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_vocals_pitch(const ub_scene *scene, const ub_matrix *magnitudes,
                          const ub_matrix *voice, ub_pitch *pitches);

/** Sources "vocals" and "accompaniment". */
extern const ub_guide ub_guide_vocals;

#endif
