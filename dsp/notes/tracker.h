// SPDX-License-Identifier: GPL-3.0-or-later
/** The tracker with a judge of its beginnings. Private header. */
#ifndef UNBRAID_NOTES_TRACKER_H
#define UNBRAID_NOTES_TRACKER_H

#include "unbraid/note_tracker.h"

/** As ub_note_tracker_frame(), but that a note may begin only on keys that may.
    @param may_begin  Of all keys, for the frame that is ub_note_tracker_latency() old. */
UB_RT size_t ub_note_tracker_judged(ub_note_tracker *tracker, const float *activations,
                                    const bool *may_begin, ub_note_event *events);

#endif
