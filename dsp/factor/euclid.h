// SPDX-License-Identifier: GPL-3.0-or-later
/**
   The fit for beta = 2: coordinate descent instead of multiplicative updates. Private header.

   All arithmetic is done on V and H divided by `level`, a power of two near the largest value, so
   that squares of data of any loudness stay in single precision.
*/
#ifndef UNBRAID_FACTOR_EUCLID_H
#define UNBRAID_FACTOR_EUCLID_H

#include "fit.h"

typedef struct ub_euclid {
    ub_fit *fit; // borrowed
    float level;
    size_t stride; // K, padded: from row to row of every matrix of K columns here
    bool moves_templates; // or gains: the sums over frames are wanted
    float *template_gram; // W'W, K x stride
    float *gram; // K x stride: of the stacked templates, then of the activations
    float *inverses; // K
    float *factors, *least; // K: what activations are multiplied by, and the smallest above zero
    float *rows; // W with components side by side, F x stride

    size_t n_chunks;
    float *chunk_grams; // HH', n_chunks x K x stride; the correlations VH' lie in fit->ratio_sums
    ub_matrix projections; // W'V, K x T; kept when W does not move, else empty
    bool projected, levelled; // both after the first update

    double *saved; // by chunks and by panels of bins
    size_t n_panels;
    float *thread_work;
    size_t thread_work_floats;
} ub_euclid;

/** Whether every step of the descent would be exact for this request, and its numbers in range. */
bool ub_euclid_suits(const ub_fit *fit);

/** Iterate from `now`, filling the report; `now` holds the result.
    @return UB_OK, UB_NO_MEMORY or what `progress` says. */
ub_status ub_euclid_iterate(ub_fit *fit, const ub_progress *progress, ub_nmf_report *report);

/** The next point (euclid_update.c). @return by how much the objective has fallen, in true units.
 */
double ub_euclid_update(ub_euclid *euclid);

/** Floats of work space of one thread. */
size_t ub_euclid_work_size(const ub_euclid *euclid);

/** The constant of the largest value of V that fit.c derived the floor from. */
static inline float ub_euclid_largest(const ub_fit *fit)
{
    return fit->sweep.floor * 1e10f;
}

#endif
