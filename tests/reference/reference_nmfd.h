// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Textbook deconvolution in double precision, straight from the formulas of Smaragdis 2004.

   Model  x[f,t] = floor + sum_kl w[l,k,f] h[k,t-l].
   Storage v[t F + f], w[(l K + k) F + f], h[t K + k].
*/
#ifndef UNBRAID_TESTS_REFERENCE_NMFD_H
#define UNBRAID_TESTS_REFERENCE_NMFD_H

#include <stddef.h>

typedef struct reference_nmfd {
    size_t n_bins, n_frames, n_components, n_lags;
    const size_t *spans; // frames that each lag lasts; NULL: one // F, T, K, L
    const double *v;
    double floor;
    double *w, *h;
    const double *w_origin; // what templates are drawn to
} reference_nmfd;

double reference_nmfd_model(const reference_nmfd *nmfd, size_t f, size_t t);

/** Kullback-Leibler divergence. */
double reference_nmfd_cost(const reference_nmfd *nmfd);

void reference_nmfd_update_h(reference_nmfd *nmfd);

/** One update, each component brought to sum one with the scale going to h, and then a share of
    the origin taken back. */
void reference_nmfd_update_w(reference_nmfd *nmfd, double restraint);

#endif
