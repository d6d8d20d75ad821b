// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What repeats itself and what does not: REPET-SIM (Rafii, Pardo 2012).

   A frame of music has frames like it elsewhere in the piece, since accompaniments repeat; what is
   over them, mostly a voice, is another each time. Two frames are as alike as the cosine of their
   magnitudes says. The background of a frame is, bin by bin, the median of the frames that are most
   like it, itself among them, and never more than the frame has; the rest of it is the foreground.
   Private header.

   Rafii, Pardo. Music/voice separation using the similarity matrix. ISMIR 2012.
*/
#ifndef UNBRAID_GUIDE_REPETITION_H
#define UNBRAID_GUIDE_REPETITION_H

#include "unbraid/matrix.h"

typedef struct ub_repetition_settings {
    size_t n_similar; ///< frames that a median is of, at most; at least 1
    size_t apart_frames; ///< that any two of these are apart at least; at least 1
    size_t first_bin; ///< below, all is background
    size_t n_threads; ///< at least 1
} ub_repetition_settings;

/** 25 frames, 0.7 s apart, above 100 Hz, one thread: for frames that are `hop_samples` apart of
    `size_samples` samples. */
ub_repetition_settings ub_repetition_settings_default(double rate_hz, size_t size_samples,
                                                      size_t hop_samples);

/**
   The mask of what does not repeat itself.

   Frames are compared in bands (factor/bands.h), which takes a sixth of the time of comparing all
   bins and finds the same. Of the frames not yet chosen nor too near to one that is, the most
   similar one is chosen, and the first where several are; fewer than n_similar where the stretch
   is short.

   @param magnitudes  F x T, finite, >= 0; the sum of the channels, for instance. Read only.
   @param foreground  F x T, every element is set to the share 0..1 of the foreground; 0 where the
                      magnitude is.
   @return UB_OK, UB_NO_MEMORY, UB_CANCELLED.

   The same bits for every number of threads. Time O(T^2); memory O(T) for bands of frames and for
   what they are alike, nothing of T^2.
*/
ub_status ub_repetition_mask(const ub_matrix *magnitudes, const ub_repetition_settings *settings,
                             const ub_progress *progress, ub_matrix *foreground);

#endif
