// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Which line a bass plays: one pitch for each frame, and the best course of it over time. Private
   header.

   How well a pitch fits a frame is the product of the square roots of its magnitudes with a comb,
   six harmonics of heights 1/h, the less the higher the pitch is: of an octave and its harmonics
   the lower one is the bass. The line stays where it is, glides by a step, or pays for a jump.
*/
#ifndef UNBRAID_GUIDE_BASS_LINE_H
#define UNBRAID_GUIDE_BASS_LINE_H

#include "guide.h"

enum {
    UB_BASS_PITCHES = 135, ///< eighths of a tone, from 36 to 249 Hz
    UB_BASS_HARMONICS = 6
};

/** The frequency of a pitch. */
double ub_bass_pitch_hz(size_t pitch);

/**
   Follow a line.
   @param magnitudes  L x T, of the lowest bins of what rings: up to 1700 Hz are listened to.
   @param bin_hz, hop_s  Between two bins, and two frames.
   @param pitches     T: of each frame, silent ones too.
   @return UB_OK or UB_NO_MEMORY. Takes O(T). The same bits for every number of threads.
*/
ub_status ub_bass_line_find(const ub_matrix *magnitudes, double bin_hz, double hop_s,
                            size_t n_threads, size_t *pitches);

#endif
