// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_NOTE_TRACKER_H
#define UNBRAID_NOTE_TRACKER_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
   Finds the beginnings and ends of notes in the activations of keys, frame by frame.
*/
typedef struct ub_note_tracker ub_note_tracker;

/** How to track. */
typedef struct ub_note_tracker_settings {
    double frame_rate_hz; ///< frames per second, 1 to 10000
    size_t look_ahead_frames; ///< a beginning is reported so many frames later than it could be,
                              ///< in which a larger rise may prove it wrong; at most 64
    double threshold; ///< share of the loudness that the rise of a note must reach, > 0
    double loudness; ///< rise of the loudest notes; 0: what has been heard in the last 10 s
    double quietest; ///< rises below it are never notes, >= 0: in the unit of the activations
} ub_note_tracker_settings;

/** 43 frames a second, 2 frames ahead, threshold 0.16, the loudness of what is heard, quietest
    1e-4 (-80 dB of full scale). */
UB_API ub_note_tracker_settings ub_note_tracker_settings_default(void);

/** A note begins or ends. */
typedef struct ub_note_event {
    size_t key; ///< index into the activations
    bool is_on;
    int velocity; ///< 1 to 127 of a beginning, 0 of an end
    double frame; ///< when, in frames since the first, between frames where that is known
} ub_note_event;

/**
   A tracker of n_keys (at least 1) keys.
   @return UB_OK, UB_BAD_SETTING, UB_BAD_SHAPE, UB_NO_MEMORY.
*/
UB_API UB_MUST_USE ub_status ub_note_tracker_new(const ub_note_tracker_settings *settings,
                                                 size_t n_keys, ub_note_tracker **out,
                                                 ub_message *why);

/** NULL is fine. */
UB_API void ub_note_tracker_free(ub_note_tracker *tracker);

/** Frames from a beginning to its event: what rises first must be seen to have risen. */
UB_API UB_RT size_t ub_note_tracker_latency(const ub_note_tracker *tracker);

/**
   The next frame.

   @param activations  n_keys; what is not finite or below zero counts as zero.
   @param events       Room for 2 n_keys events; of one key an end comes before a beginning.
   @return how many there are.
   Time O(n_keys).
*/
UB_API UB_RT size_t ub_note_tracker_frame(ub_note_tracker *tracker, const float *activations,
                                          ub_note_event *events);

/** End all notes that sound, and forget all that was heard.
    @param events  Room for n_keys. @return how many there are. */
UB_API UB_RT size_t ub_note_tracker_reset(ub_note_tracker *tracker, ub_note_event *events);

#ifdef __cplusplus
}
#endif
#endif
