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

/** Of an entry that is not zero, relative to the level. */
static const float UB_EUCLID_LEAST = 1e-20f;

/** Memory of one thread. */
typedef struct ub_euclid_work {
    float *projections, *activations, *spare; // tile_frames x stride
    float *linear, *x; // K x panel_bins
} ub_euclid_work;

/** That of the calling thread. */
ub_euclid_work ub_euclid_work_here(const ub_euclid *euclid);

/** Fill the triangle of a K x K matrix that ub_kernels.gram leaves. */
void ub_euclid_mirror(float *gram, size_t n, size_t stride);

/** A descent with the matrix from .* (Q'Q) + ridge I, which is put into euclid->gram. Rows that are
    fixed, and those whose diagonal is not above `dead`, rest. */
ub_descent ub_euclid_descent(ub_euclid *euclid, const float *from, float ridge, float dead,
                             bool (*is_fixed)(const ub_fit *, size_t), size_t n_sweeps);

/**
   The steps of an iteration. Each returns by how much the objective has fallen, at the level of the
   data: times level^2 it is in true units.

   The first reads `now`, writes fit->next_activations and the sums of each chunk; `gather` adds the
   sums up; the others change `now`, whose activations are the new ones by then.
*/
double ub_euclid_update_activations(ub_euclid *euclid);
void ub_euclid_gather(ub_euclid *euclid);
double ub_euclid_update_gains(ub_euclid *euclid);
double ub_euclid_update_templates(ub_euclid *euclid);

/** The largest value of V, from which fit.c derived the floor. */
static inline float ub_euclid_largest(const ub_fit *fit)
{
    return fit->sweep.floor * 1e10f;
}

#endif
