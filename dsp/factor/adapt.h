// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Restrained adaptation of templates to a recording. Private header.

   Templates that were learned elsewhere do not quite fit. Free updates fit them to anything; so
   each goes back towards where it came from after every update, the less the more it has been
   heard: with e[k] the sum of its activations over the mean of all adapted ones,

       w <- (1 - a) w_0 + a w_new,    a = e / (e + shrinkage).
*/
#ifndef UNBRAID_FACTOR_ADAPT_H
#define UNBRAID_FACTOR_ADAPT_H

#include "unbraid/nmf.h"

typedef struct ub_adaptation {
    double beta;
    size_t n_start; ///< updates of the activations before the first of the templates
    size_t n_rounds; ///< updates of the templates
    size_t n_between; ///< updates of the activations after each of them
    double shrinkage; ///< > 0
    size_t n_adapted; ///< the first so many templates are adapted, those after them fixed
    size_t cell_frames; ///< frames of a cell
    /** Cell by cell K flags: the templates that may sound in it. Others have no activation there.
     */
    const bool *chosen;
    size_t n_threads;
    const char *kernels; ///< as in ub_nmf_settings
} ub_adaptation;

/**
   Adapt templates. They have the exponent of ub_nmf_fit(), activations the doubled one for beta
   below 1, which converges faster [1]; templates are divided by their sum after each update.

   @param spectra      F x T, finite, >= 0; near one.
   @param progress     Reports the share that is done, as "adapt".
   @param templates    F x K. In: what they are drawn to, of sum one. Out: adapted.
   @param activations  K x T. In: the start, in the rows that are chosen. Out: of the result.
   @return UB_OK, UB_NO_MEMORY or UB_CANCELLED. The same bits for any number of threads.

   [1] Badeau, Bertin, Vincent. Stability analysis of multiplicative update algorithms and
   application to nonnegative matrix factorization. IEEE TNN 21(12), 2010.
*/
ub_status ub_adapt(const ub_matrix *spectra, const ub_adaptation *adaptation,
                   const ub_progress *progress, ub_matrix *templates, ub_matrix *activations);

#endif
