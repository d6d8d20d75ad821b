// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Tells notes from what only looks like their beginning, while the sound plays: as judge.h, but of
   the future it knows the frames by which a beginning is late in any case, and of the loudness
   what has been heard. Private header.

   Weights were learned from what streams heard of performances on pianos of Salamander and FluidR3,
   with the templates of both, and of the other one alone (docs/measurements.md).
*/
#ifndef UNBRAID_NOTES_LIVE_JUDGE_H
#define UNBRAID_NOTES_LIVE_JUDGE_H

#include "dictionary/keys.h"

typedef struct ub_live_judge ub_live_judge;

/**
   @param keys    Its arrays are borrowed.
   @param latency Frames from the one that is judged to the newest: those of a tracker, which are
                  not fewer than the lag of the flux.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_live_judge_new(const ub_keys *keys, double frame_rate_hz, size_t latency,
                            ub_live_judge **out);
void ub_live_judge_free(ub_live_judge *judge);

/** Take in a frame: what sounds on each key; what is not finite or below zero counts as zero.
    @return the keys on which a note may begin in the frame that is `latency` old: where the flux
    has a maximum. Valid until the next frame. Time O(keys); real-time safe, as below. */
const bool *ub_live_judge_frame(ub_live_judge *judge, const float *sounding);

/** Forget all that was heard. */
void ub_live_judge_reset(ub_live_judge *judge);

#endif
