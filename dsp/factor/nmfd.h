// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Non-negative matrix factor deconvolution (Smaragdis 2004): templates that are spectra in time.

       X = floor + sum_l W_l shift(H, l),    l = 0 .. L - 1,

   where shift(H, l) is H moved l frames to the right, zeros coming in; the frame of a template that
   lasts several has the sum of as many shifts. Updates are the
   multiplicative ones for the Kullback-Leibler divergence, with all lags in one majoriser, so that
   neither raises it:

       H <- H .* (sum_l W_l' shift(V/X, -l)) / (sum_l W_l' shift(1, -l))
       W_l <- W_l .* (V/X shift(H, l)') / (1 shift(H, l)')

   Every sum is made by one thread in one order. What is zero stays zero, and costs nothing. Private
   header.

   Smaragdis. Non-negative matrix factor deconvolution; extraction of multiple sound sources from
   monophonic inputs. ICA 2004.
*/
#ifndef UNBRAID_FACTOR_NMFD_H
#define UNBRAID_FACTOR_NMFD_H

#include "unbraid/matrix.h"

#include <stdbool.h>

typedef struct ub_nmfd ub_nmfd;

/**
   Prepare for spectra. Activations start alike: each frame has the level of the spectrum, shared by
   all components.

   @param spectra    F x T, finite, >= 0; borrowed.
   @param templates  F x (L K), finite, >= 0: K columns for each lag. Those of a component sum to
                     one over all frames that they last, or are all zero. Copied.
   @param spans      Frames that each lag lasts, at least one; NULL: one each. Copied.
   @param n_lags     L, at least 1.
   @param n_threads  0: one for each core. Results do not depend on it.
   @return UB_OK or UB_NO_MEMORY; `out` is set on success only.
*/
ub_status ub_nmfd_new(const ub_matrix *spectra, const ub_matrix *templates, const size_t *spans,
                      size_t n_lags, size_t n_threads, ub_nmfd **out);

/** NULL is fine. */
void ub_nmfd_free(ub_nmfd *nmfd);

/** Other activations to start from: K x T, finite, >= 0; copied. */
void ub_nmfd_start(ub_nmfd *nmfd, const ub_matrix *activations);

/** Activations below this share of the largest of their component become zero. */
void ub_nmfd_forget(ub_nmfd *nmfd, double share);

/** One update of the activations. */
void ub_nmfd_update_activations(ub_nmfd *nmfd);

/**
   One update of the templates, brought to sum one per component with the scale going to the
   activations, of which the share `restraint` is taken back to the templates of ub_nmfd_new()
   (Dittmar, Gartner. Real-time transcription and separation of drum recordings based on NMF
   decomposition. DAFx 2014). With 0 the divergence does not rise.
*/
void ub_nmfd_update_templates(ub_nmfd *nmfd, double restraint);

/** D(V | X) of what there is now. */
double ub_nmfd_cost(ub_nmfd *nmfd);

/** What components (K answers) add up to in a frame, without the floor: F values. */
void ub_nmfd_model(const ub_nmfd *nmfd, const bool *is_in, size_t frame, float *model);

/** K x T and F x (L K), as they are now. */
const ub_matrix *ub_nmfd_activations(const ub_nmfd *nmfd);
const ub_matrix *ub_nmfd_templates(const ub_nmfd *nmfd);

#endif
