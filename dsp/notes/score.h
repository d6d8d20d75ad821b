// SPDX-License-Identifier: GPL-3.0-or-later
/** Frames, which notes sound in each, and templates that are fitted to them. Private header. */
#ifndef UNBRAID_NOTES_SCORE_H
#define UNBRAID_NOTES_SCORE_H

#include "unbraid/matrix.h"
#include "unbraid/note.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    UB_SCORE_PITCHES = 128,
    UB_SCORE_PARTS = 4, ///< of a note, in the order of time: a template each
    UB_SCORE_MOST = 32, ///< templates that sound in a frame; frames with more are left out
    UB_SCORE_TAIL = 0x8000, ///< added to a template of a note that is over and dies away
};

/** Frames to learn from. Template `pitch * UB_SCORE_PARTS + part` is a part of a pitch. */
typedef struct ub_score {
    ub_matrix frames; ///< F x (most frames that are kept)
    size_t n; ///< frames that are there
    uint16_t *templates; ///< UB_SCORE_MOST of each frame; those of tails are not learned from it
    unsigned char *counts; ///< of each frame, how many of them
} ub_score;

/** @return UB_OK or UB_NO_MEMORY. */
ub_status ub_score_new(size_t n_bins, size_t most_frames, ub_score *out);
void ub_score_free(ub_score *score);

/**
   Add a frame, unless it is full, silent, tells nothing of a note, or hears one that is about to
   begin.
   @param notes  Sorted. @param first  Of those that may still sound; moves on from frame to frame.
*/
void ub_score_add(ub_score *score, const ub_notes *notes, size_t *first, double time_s,
                  const float *magnitude);

/**
   Fit templates to the frames.
   @param bin_hz     Distance of bins.
   @param templates  F x (UB_SCORE_PITCHES UB_SCORE_PARTS): each of sum one, or of zeros where it is
                     learned from no frame.
   @return UB_OK, UB_NO_MEMORY, UB_CANCELLED.
*/
ub_status ub_score_fit(const ub_score *score, double bin_hz, const ub_progress *progress,
                       ub_matrix *templates);

#endif
