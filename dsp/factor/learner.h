// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Templates that are learned frame by frame, while others stay as they are. Private header.

   The multiplicative update of a template w minimises a majoriser of the divergence; the one of
   every frame so far, each less by `keep` for every frame since, is minimised by

       b <- keep b + X^(beta-1) h,    w <- w ((b_before keep + V X^(beta-2) h) / b)^gamma

   (Lefevre, Bach, Fevotte. Online algorithms for nonnegative matrix factorization with the
   Itakura-Saito divergence. WASPAA 2011; here for every beta). For beta = 1 the weights b of a
   template are one number, how much it has heard.
*/
#ifndef UNBRAID_FACTOR_LEARNER_H
#define UNBRAID_FACTOR_LEARNER_H

#include "unbraid/nmf.h"

typedef struct ub_learner ub_learner;

/**
   Make a learner of n templates of n_rows rows. Their bins start as seeded bumps, spread evenly
   over the logarithm of frequency, on some noise; rows of another kind start even, with the same
   sum.
   @param settings  beta, kernels and n_others are used.
   @return UB_OK or UB_NO_MEMORY; `out` is set on success only.
*/
ub_status ub_learner_new(size_t n_rows, size_t n, const ub_nmf_settings *settings,
                         ub_learner **out);

/** NULL is fine. */
void ub_learner_free(ub_learner *learner);

/** The templates now: F x n, which sum to one, every entry above zero. Real-time safe, like all
 * below. */
const ub_matrix *ub_learner_templates(const ub_learner *learner);

/** Begin anew. */
void ub_learner_forget(ub_learner *learner);

/**
   Take in a frame.
   @param magnitudes, model  F numbers >= 0: what was heard, and what all templates make of it.
*/
void ub_learner_hear(ub_learner *learner, const float *magnitudes, const float *model);

/**
   Learn from the frame that was taken in. A template that was not heard in it stays.
   @param first, n     The templates to update.
   @param activations  Of all templates of the learner in this frame.
   @param keep         Weight of what they have learned so far, 0 to 1.
*/
void ub_learner_update(ub_learner *learner, size_t first, size_t n, const float *activations,
                       double keep);

#endif
