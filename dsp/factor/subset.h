// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Updates with some of many templates.

   Of a large dictionary only a few templates sound at a time. What the others cost is saved by
   packing those few, for a tile of frames, and leaving the activations of the others as they are.
   Private header.
*/
#ifndef UNBRAID_FACTOR_SUBSET_H
#define UNBRAID_FACTOR_SUBSET_H

#include "kernels/kernels.h"
#include "unbraid/nmf.h"

/** Memory of one thread, and the templates that were chosen last. */
typedef struct ub_subset {
    const ub_kernels *kernels;
    double beta; ///< settled
    size_t n_bins, most; ///< F, and most templates
    size_t tile_frames;
    ub_packing packing; ///< of the chosen ones
    size_t *components; ///< packing.n_components indices, ascending
    ub_matrix activations; ///< of the chosen ones: most x tile_frames
    float *packed, *transposed, *template_sums;
    float *ratio_sums, *power_sums; ///< packed; zero between calls
    float *ones, *exponents;
    float *work;
} ub_subset;

/** For templates of n_bins bins, at most so many. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_subset_new(const ub_kernels *kernels, double beta, size_t n_bins, size_t most,
                        ub_subset *out);
void ub_subset_free(ub_subset *subset);

/** Choose those of `templates` (F x K, K <= most) for which chosen[k] is true. */
void ub_subset_choose(ub_subset *subset, const ub_matrix *templates, const bool *chosen);

/**
   Multiplicative updates of the chosen activations of frames [first, first + n); the model of a
   bin is their sum and 1e-12, and smaller data count as that where beta is not above zero.
   @param exponent  Of each update.
   @param activations  K x T. In: the start. Out: updated in the rows of the chosen ones.
*/
void ub_subset_update(ub_subset *subset, const ub_matrix *spectra, size_t first, size_t n,
                      size_t n_updates, double exponent, ub_matrix *activations);

/**
   The sums of these frames that an update of templates needs, added to columns of the chosen ones:
   (V X^(beta-2)) H' to `ratio_sums` and X^(beta-1) H' to `power_sums`, each F x K.
*/
void ub_subset_accumulate(ub_subset *subset, const ub_matrix *spectra, size_t first, size_t n,
                          const ub_matrix *activations, ub_matrix *ratio_sums,
                          ub_matrix *power_sums);

#endif
