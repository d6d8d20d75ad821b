// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Textbook factorisation in double precision: plain loops over every index, straight from the
   formulas, sharing nothing with the library. Slow and obvious on purpose.

   Model  x[c,f,t] = floor + sum_k q[c,k] w[f,k] h[k,t].
   Storage v[(c T + t) F + f], w[k F + f], h[t K + k], q[k C + c].
*/
#ifndef UNBRAID_TESTS_REFERENCE_NMF_H
#define UNBRAID_TESTS_REFERENCE_NMF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct reference_nmf {
    size_t n_channels, n_bins, n_frames, n_components; // C, F, T, K
    const double *v;
    double beta, floor;
    double l1_h, l2_h, l1_w, l2_w, continuity;
    bool unit_l2; // norm of the templates: L2, else L1
    const bool *fixed_w, *fixed_h, *fixed_q; // K each, or NULL
    const size_t *groups; // K, or NULL: every component has its own gains
} reference_nmf;

typedef struct reference_point {
    double *w, *h, *q;
} reference_point;

/** Memory for a point of this problem; aborts when there is none. */
reference_point reference_point_new(const reference_nmf *nmf);
reference_point reference_point_copy(const reference_nmf *nmf, const reference_point *from);
void reference_point_free(reference_point *point);

/** d_beta(v | x), Fevotte and Idier 2011, equation 2. v = 0 is allowed for beta > 0. */
double reference_divergence(double beta, double v, double x);

/** The exponent gamma(beta) of their table 2. */
double reference_gamma(double beta);

/** The model, C x T x F, with the floor. */
void reference_model(const reference_nmf *nmf, const reference_point *point, double *x);

/** Divergence and penalties of the point as it is. For beta <= 0 data below the floor count as
    the floor. */
double reference_objective(const reference_nmf *nmf, const reference_point *point);

/** Give the free gains of each group their mean. */
void reference_tie_gains(const reference_nmf *nmf, reference_point *point);

/** Norm of free templates and sum of free gains to one, unless the activations are fixed (gains:
    of any component of the group). `keep` multiplies the activations by what was divided out. */
void reference_normalise(const reference_nmf *nmf, reference_point *point, bool keep);

/**
   Gradient of the objective after normalisation (with penalties) or of the divergence (without),
   as a difference of positive and negative parts, both >= 0. Taken at a normalised point. For the
   gains: with respect to a common factor of all gains of a group in one channel; the same numbers
   for every component of a group.
*/
void reference_gradient_h(const reference_nmf *nmf, const reference_point *point, double *negative,
                          double *positive);
void reference_gradient_w(const reference_nmf *nmf, const reference_point *point, double *negative,
                          double *positive);
void reference_gradient_q(const reference_nmf *nmf, const reference_point *point, double *negative,
                          double *positive);

/** One multiplicative update of the activations by (negative / positive)^exponent. */
void reference_update_h(const reference_nmf *nmf, reference_point *point, double exponent);

/** One update of templates by that exponent and of gains by the majoriser's minimum for the new
    templates; then the normalisation. */
void reference_update_w_and_q(const reference_nmf *nmf, reference_point *point, double exponent);

/** Normalise, tie, then n updates of everything, the first five plain, then exponents times
   `relaxation`. `costs` gets n + 1 objectives, the start first; may be NULL. */
void reference_fit(const reference_nmf *nmf, reference_point *point, size_t n, double relaxation,
                   double *costs);

#endif
