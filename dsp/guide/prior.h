// SPDX-License-Identifier: GPL-3.0-or-later
/**
   From a rough idea to components: what share each source has in each bin is only guessed, by a
   *prior*; a blind factorisation knows which bins belong together. Each of its components goes to
   the sources as the priors say of all its bins at once. Private header.

   V ~ Q W H: spectra F x T per channel, C x K gains, F x K templates, K x T activations. M_j are
   priors, F x T, that sum to one over j.
       a_jk = <M_j, Q_k W_k H_k / X . V>     X the model, V / X . Q_k W_k H_k what k has of the data
       w_jk = a_jk^g / sum_i a_ik^g          the sharper, the larger g
       mask_j = (sum_k w_jk Q_k W_k H_k)^p / sum_i (...)^p
   Components know nothing of what is in one frame alone; so masks are multiplied by the square
   roots of the priors in the end.
*/
#ifndef UNBRAID_GUIDE_PRIOR_H
#define UNBRAID_GUIDE_PRIOR_H

#include "guide.h"
#include "unbraid/nmf.h"

/** Factorise a stretch, blindly: by KL, with the components, updates, seed and kernels of the
    settings, which are chosen here where the settings leave them open (100 components).
    @param out  The caller frees it. @return UB_OK, UB_NO_MEMORY, UB_CANCELLED, UB_BAD_SETTING. */
ub_status ub_prior_factorise(const ub_scene *scene, const ub_progress *progress,
                             ub_nmf_factors *out, ub_message *why);

/**
   What components have of the data under priors: a_jk.

   @param amounts  n_priors x K, a row for each prior: every element is set.
   Else as ub_prior_weigh(), but priors need not sum to one.
*/
ub_status ub_prior_amounts(const ub_scene *scene, const ub_nmf_factors *factors,
                           const ub_matrix *priors, size_t n_priors, double *amounts);

/**
   The shares of components that priors ask for.

   @param factors   A fit to the scene's spectra, K components.
   @param priors    n_priors, F x T, 0 to 1, for all channels.
   @param sharpness g, > 0: 1 keeps the shares of the priors.
   @param weights   n_priors x K: a column sums to one, with equal shares where a component has
                    nothing.
   @return UB_OK or UB_NO_MEMORY. The same bits for every number of threads.
*/
ub_status ub_prior_weigh(const ub_scene *scene, const ub_nmf_factors *factors,
                         const ub_matrix *priors, size_t n_priors, double sharpness,
                         ub_matrix *weights);

/**
   Masks of components that are shared out.
   @param weights   n_priors x K, >= 0.
   @param exponent  p, 0.5 to 2.
   @param masks     [source * n_channels + channel], F x T: every element is set.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_prior_masks(const ub_scene *scene, const ub_nmf_factors *factors,
                         const ub_matrix *weights, double exponent, ub_matrix *masks,
                         ub_message *why);

/**
   Masks from priors and a factorisation, by all of the above.
   @param priors  n_priors, F x T, >= 0, that sum to one.
   @param masks   [source * n_channels + channel], F x T: every element is set, and finite.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_prior_follow(const ub_scene *scene, const ub_nmf_factors *factors,
                          const ub_matrix *priors, size_t n_priors, ub_matrix *masks,
                          ub_message *why);

/** Multiply the masks of a source, one per channel, by the root of its prior. */
void ub_prior_lean(const ub_scene *scene, const ub_matrix *prior, ub_matrix *masks);

/** Make the first of two priors the other's complement. */
void ub_prior_complement(const ub_matrix *of, ub_matrix *out);

/** What two priors say of the same source, together: their product.
    @param by  Of the shape of `prior`, which is changed. */
void ub_prior_multiply(const ub_matrix *by, ub_matrix *prior);

/** Masks of two sources that are the same for all channels: a share, and its complement.
    @param share  May be masks[0].
    @param masks  2 n_channels, of the shape of `share`: every element is set. */
void ub_prior_split(const ub_matrix *share, size_t n_channels, ub_matrix *masks);

/** What two say who look at different things: products of priors, divided by their sum. None of
    them is ever quite sure, so that no bin is left without a source.
    @param priors, others  n each, of one shape; `priors` are changed. */
void ub_prior_agree(size_t n, const ub_matrix *others, ub_matrix *priors);

#endif
