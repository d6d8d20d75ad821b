// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What recordings and scores have in common, as a vector for every 46 ms: the loudness of the
   twelve pitch classes, their onsets, and onsets of any kind. Each entry is free of its mean, so
   that vectors of things that have nothing to do with each other have products of zero in the
   mean. Private header.
*/
#ifndef UNBRAID_NOTES_SKETCH_H
#define UNBRAID_NOTES_SKETCH_H

#include "unbraid/matrix.h"
#include "unbraid/parts.h"
#include "unbraid/separate.h"

enum { UB_SKETCH_ROWS = 25 };

typedef struct ub_sketch {
    ub_matrix vectors; ///< UB_SKETCH_ROWS x frames
    double first_s, frame_s; ///< the middle of the first frame, and from one to the next
} ub_sketch;

/** @return UB_OK, UB_BAD_SHAPE, UB_NO_MEMORY, UB_CANCELLED, or what the audio says. */
ub_status ub_sketch_of_audio(const ub_audio *audio, const ub_settings *settings,
                             const ub_progress *progress, ub_sketch *out, ub_message *why);

/** Of a score at another tempo: all times are multiplied by `stretch`. @param like  What it is to
   be compared with, not halved: frames are at the same times. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_sketch_of_score(const ub_parts *parts, double stretch, const ub_sketch *like,
                             ub_sketch *out);

/** The same with means of two frames. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_sketch_halve(const ub_sketch *from, ub_sketch *out);

/** A zeroed one is fine. */
void ub_sketch_free(ub_sketch *sketch);

/** The product of two vectors. */
double ub_sketch_likeness(const ub_sketch *a, size_t frame, const ub_sketch *b, size_t other);

#endif
