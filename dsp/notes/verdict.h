// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Whether a rise of a key is a note: a logistic score of what is around it, up to a second later.

   A ghost an octave or a twelfth above a note rises with it, dies sooner and is weak beside what
   sounds; a quiet note rises from nothing. Each feature is a logarithm of a ratio of activations,
   and the weights were learned from notes that are known. Private header.
*/
#ifndef UNBRAID_NOTES_VERDICT_H
#define UNBRAID_NOTES_VERDICT_H

#include "unbraid/attributes.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    UB_VERDICT_LAGS = 43 ///< that the loudness of the surroundings looks back and ahead: 1 s
};

/** What was heard of all keys: rings of n_held frames. */
typedef struct ub_heard {
    size_t n_keys, n_held, lag;
    float *activations; ///< n_held x n_keys
    float *flux; ///< n_held x n_keys: frame t holds that around t - lag
    float *loudest; ///< n_held: the largest activation of a frame
    float loudness; ///< flux of the loudest notes
    const int *pitches; ///< n_keys MIDI note numbers
    const size_t *twelfth_below, *octave_above; ///< n_keys: other keys; n_keys for none
} ub_heard;

/** The frame of a ring. */
static inline float *ub_heard_row(const ub_heard *heard, float *ring, size_t frame)
{
    return ring + frame % heard->n_held * heard->n_keys;
}

/** Frames of a ring that verdicts need before the newest and in all. */
size_t ub_verdict_frames(size_t lag);

/** Whether the local maximum of the flux at `at` of a ring is a note. */
UB_RT bool ub_verdict(const ub_heard *heard, size_t key, size_t at);

#endif
