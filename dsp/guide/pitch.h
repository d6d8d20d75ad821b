// SPDX-License-Identifier: GPL-3.0-or-later
/**
   The pitch of one voice, frame by frame, where several sounds may be. Private header.

   A voiced sound has its energy at the multiples of its pitch p and none between them. So the
   cosine of 2 pi f / p, which is one at multiples and less than zero between them, is correlated
   with the spectrum for every pitch; the pitches of a stretch are the path of highest correlation
   that does not jump about (Viterbi).
*/
#ifndef UNBRAID_GUIDE_PITCH_H
#define UNBRAID_GUIDE_PITCH_H

#include "guide.h"

/** The pitch of a frame and how clear it is. */
typedef struct ub_pitch {
    float hz; ///< of a voice that speaks, 70 to 425
    float clarity; ///< the correlation: 0, nothing is known of it, to 1
} ub_pitch;

/** What a pitch says of a frequency, the higher the less: between minus and plus its clarity. */
float ub_pitch_comb(ub_pitch pitch, double hz, double fading_hz);

/**
   @param scene    Whose rate and window count.
   @param spectra  F x T, >= 0: compressed magnitudes, so that many weak partials weigh as much as a
                   strong one. Read only.
   @param pitches  T.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_pitch_follow(const ub_scene *scene, const ub_matrix *spectra, ub_pitch *pitches);

#endif
