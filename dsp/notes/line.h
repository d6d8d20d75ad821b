// SPDX-License-Identifier: GPL-3.0-or-later
/** The straight line along which a score is most like a recording. Private header. */
#ifndef UNBRAID_NOTES_LINE_H
#define UNBRAID_NOTES_LINE_H

#include "sketch.h"

/** The score's times are multiplied by `stretch`; then its frame 0 is the recording's `lag`. */
typedef struct ub_line {
    double stretch;
    long lag;
    double likeness; ///< sum over all frames that both have
} ub_line;

/** The likeness along a lag. @return how many frames both have by `n`, unless it is NULL. */
double ub_line_likeness(const ub_sketch *recording, const ub_sketch *score, long lag, size_t *n);

/** Find it. @return UB_OK, UB_NO_MEMORY, UB_CANCELLED. */
ub_status ub_line_find(const ub_sketch *recording, const ub_parts *parts, size_t n_threads,
                       const ub_progress *progress, ub_line *out);

#endif
