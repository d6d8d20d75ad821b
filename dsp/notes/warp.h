// SPDX-License-Identifier: GPL-3.0-or-later
/** How the time of a recording departs from a straight line. Private header. */
#ifndef UNBRAID_NOTES_WARP_H
#define UNBRAID_NOTES_WARP_H

#include "line.h"

/**
   The path of the largest likeness, less a price for every step aside, in a band around the line.
   @param score  At the tempo of the line.
   @param aside  As many as the score has frames: out, in frames.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_warp_find(const ub_sketch *recording, const ub_sketch *score, const ub_line *line,
                       double *aside, double *likeness);

#endif
