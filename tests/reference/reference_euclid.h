// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Coordinate descent for the Euclidean distance in double precision: the model is kept whole, and
   each entry goes to the minimum of its own parabola. The schedule is that of the library.
*/
#ifndef UNBRAID_TESTS_REFERENCE_EUCLID_H
#define UNBRAID_TESTS_REFERENCE_EUCLID_H

#include "reference_nmf.h"

/** Normalise, tie, then n updates: activations (the first time with the best level of each frame
    before), gains, templates, normalisation. `costs` gets n + 1 objectives, the start first.
    Without continuity; penalties only where templates and gains are fixed. */
void reference_euclid_fit(const reference_nmf *nmf, reference_point *point, size_t n,
                          double *costs);

#endif
