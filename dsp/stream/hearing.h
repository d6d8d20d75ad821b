// SPDX-License-Identifier: GPL-3.0-or-later
/** The notes that a model hears while it plays, and the queue in which a stream keeps them until
    they are taken. Private header. */
#ifndef UNBRAID_STREAM_HEARING_H
#define UNBRAID_STREAM_HEARING_H

#include "dictionary/keys.h"
#include "notes/live_judge.h"
#include "unbraid/note_tracker.h"
#include "unbraid/stream.h"

#include <stdbool.h>

/** What a model needs for it. Zeroed where its dictionary has no notes. */
typedef struct ub_hearing {
    ub_keys keys;
    ub_note_tracker *tracker;
    bool is_judged; ///< not of drums: the judge knows strings
    ub_live_judge *judge; ///< or NULL
    size_t n_together, n_heard; ///< frames that are heard as one, and those of them that were heard
    float *frame; ///< keys.n: what sounds in a frame, the share that it has of those together
    float *sums; ///< keys.n: of frames so far
    ub_note_event *events; ///< 2 keys.n
} ub_hearing;

/** @param hop_s  From frame to frame. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_hearing_new(const ub_dictionary *dictionary, double hop_s, ub_hearing *out);
void ub_hearing_free(ub_hearing *hearing);

typedef struct ub_note_queue {
    ub_stream_note *notes; ///< a ring
    size_t capacity, first, n;
} ub_note_queue;

/** Room for two frames in which every key of every source begins and ends. @return UB_OK or
    UB_NO_MEMORY. */
ub_status ub_note_queue_new(ub_note_queue *out);
void ub_note_queue_free(ub_note_queue *queue);

/** Take in a frame, and track those that are heard as one: notes are put into the queue as of
   `sample`. Where they might not fit, the frame is left out, so that no end of a note is ever lost.
   Real-time safe, like all below. */
void ub_hearing_frame(ub_hearing *hearing, const float *activations, uint64_t sample,
                      ub_note_queue *queue);

/** End all notes that sound. */
void ub_hearing_end(ub_hearing *hearing, uint64_t sample, ub_note_queue *queue);

size_t ub_note_queue_take(ub_note_queue *queue, ub_stream_note *notes, size_t most);

#endif
