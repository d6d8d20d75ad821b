// SPDX-License-Identifier: GPL-3.0-or-later
/** The progress of one step within that of a whole call. Private header. */
#ifndef UNBRAID_GROUND_PROGRESS_PART_H
#define UNBRAID_GROUND_PROGRESS_PART_H

#include "unbraid/status.h"

typedef struct ub_progress_part {
    const ub_progress *whole; ///< may be NULL
    double from, to; ///< the step's share of it
} ub_progress_part;

/** What to hand to the step. Borrows `part`. */
ub_progress ub_progress_of_part(ub_progress_part *part);

#endif
