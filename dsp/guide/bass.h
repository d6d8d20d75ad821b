// SPDX-License-Identifier: GPL-3.0-or-later
/** UB_METHOD_BASS: the bass, the rest. Private header. */
#ifndef UNBRAID_GUIDE_BASS_H
#define UNBRAID_GUIDE_BASS_H

#include "guide.h"

/** Of what rings (hpss.h) what is low is the bass. */
extern const ub_guide ub_guide_bass;

/** The share that the bass has of what rings at a frequency. */
double ub_bass_share(double hz);

#endif
