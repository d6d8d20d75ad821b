// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Tells notes from what only looks like their beginning: harmonics of other notes, beats, noise.

   Where the flux of a key has a maximum, the logarithms of what sounds around it, on the same key
   and on those that share partials with it, are weighed against each other: a logistic regression.
   Its weights were learned from performances on pianos of Salamander and FluidR3, each transcribed
   with the templates of itself and of the other (docs/measurements.md). Private header.
*/
#ifndef UNBRAID_NOTES_JUDGE_H
#define UNBRAID_NOTES_JUDGE_H

#include "dictionary/keys.h"

typedef struct ub_note_judge ub_note_judge;

/**
   @param loudness  Flux of the loudest onsets, above 0: everything is measured by it.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_note_judge_new(const ub_keys *keys, double loudness, double frame_rate_hz,
                            ub_note_judge **out);
void ub_note_judge_free(ub_note_judge *judge);

/** Frames from the one that is judged to the newest: about a second. */
size_t ub_note_judge_latency(const ub_note_judge *judge);

/** Take in a frame: what sounds on each key. Frames before the first are silent. */
void ub_note_judge_take(ub_note_judge *judge, const float *sounding);

/** The keys on which a note may begin in the frame that is ub_note_judge_latency() old: where the
    flux around it has a maximum. Valid until the next frame is taken in. */
const bool *ub_note_judge_verdicts(ub_note_judge *judge);

/**
   Where a note begins whose verdict has just been given: where the rise that ends around the frame
   that is judged has done a quarter of its way. The flux is largest there when a string is struck;
   where a bow or a breath takes its time, that is later.
   @return frames from the frame that is judged, mostly below zero.
*/
double ub_note_judge_beginning(const ub_note_judge *judge, size_t key);

/** What sounded `back` frames ago, up to the latency. */
const float *ub_note_judge_frame(const ub_note_judge *judge, size_t back);

#endif
