// SPDX-License-Identifier: GPL-3.0-or-later
/** UB_METHOD_HARMONIC_PERCUSSIVE: what rings, what is struck. Private header. */
#ifndef UNBRAID_GUIDE_HARMONIC_PERCUSSIVE_H
#define UNBRAID_GUIDE_HARMONIC_PERCUSSIVE_H

#include "guide.h"

/** Medians say what is struck (hpss.h), and a dictionary that has a source "percussive" or "drums"
    beside others, where there is one (taught.h), so far as medians agree with it: the odds that it
    gives are taken to the power of r^2. Components of a blind factorisation follow (prior.h). */
extern const ub_guide ub_guide_harmonic_percussive;

#endif
