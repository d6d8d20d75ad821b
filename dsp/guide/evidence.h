// SPDX-License-Identifier: GPL-3.0-or-later
/** What judges of beginnings weigh: logarithms of shares of the loudness, in bounds. Private
 * header.
 */
#ifndef UNBRAID_GUIDE_EVIDENCE_H
#define UNBRAID_GUIDE_EVIDENCE_H

#include <math.h>

/** The logarithm of a share of the loudness, from 0.004 of it on: differences between silences say
    nothing. */
static inline double ub_evidence_level(double share)
{
    return log(share + 0.004);
}

static inline double ub_evidence_within(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

#endif
