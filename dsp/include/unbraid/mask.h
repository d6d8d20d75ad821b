// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_MASK_H
#define UNBRAID_MASK_H

#include "matrix.h"
#include "status.h"

#include <complex.h>
#include <stddef.h>

/**
   Wiener-style masks from a factorisation.

   With the model S_j[c,f,t] = sum of gains[c,k] templates[f,k] activations[k,t] over the
   components k of source j, the mask of source j is
       M_j = S_j^p / sum_i S_i^p,
   per channel, bin and frame. p = 1 is the ratio mask on magnitudes, p = 2 the Wiener filter
   when magnitudes were factorised [1]. The masks of a bin sum to one (to rounding), so the
   masked spectra sum to the mix. A bin that no source explains is shared equally.

   [1] Liutkus, Badeau. Generalized Wiener filtering with fractional power spectrograms.
   ICASSP 2015.
*/
typedef struct ub_masker ub_masker;

/**
   Prepare masks. Everything is copied.

   @param templates  F x K, finite, >= 0.
   @param gains      C x K, finite, >= 0.
   @param component_source  K indices below n_sources: which source a component belongs to.
   @param n_sources  1 or more; a source without components gets the mask 0 where others have
                     anything.
   @param exponent   p, 0.5 to 2.
   @param kernels    Name of a kernel set; NULL means the best of this CPU.
   @return UB_OK, UB_BAD_SHAPE, UB_BAD_VALUE, UB_BAD_SETTING, UB_NO_MEMORY.
*/
UB_API UB_MUST_USE ub_status ub_masker_new(const ub_matrix *templates, const ub_matrix *gains,
                                           const size_t *component_source, size_t n_sources,
                                           double exponent, const char *kernels, ub_masker **out,
                                           ub_message *why);

/**
   The same for components that several sources share.

   @param shares  n_sources x K, finite, >= 0: what of each component every source has. Copied, as
                  are the others. A mask costs n_sources times as much.
   @return as ub_masker_new(). Not for ub_masker_replace().
*/
UB_API UB_MUST_USE ub_status ub_masker_new_shared(const ub_matrix *templates,
                                                  const ub_matrix *gains, const ub_matrix *shares,
                                                  double exponent, const char *kernels,
                                                  ub_masker **out, ub_message *why);

/** NULL is fine. */
UB_API void ub_masker_free(ub_masker *masker);

/** Floats from one frame of masks to the next: n_bins rounded up. */
UB_API UB_RT size_t ub_masker_stride(const ub_masker *masker);

/** Floats of work space for ub_masker_run(). */
UB_API UB_RT size_t ub_masker_work_size(const ub_masker *masker);

/**
   Masks of one channel for frames [first, first + n) of the activations.

   @param activations  K x T.
   @param n            At most UB_MASKER_MOST_FRAMES.
   @param work         ub_masker_work_size() floats; one per thread.
   @param masks        [source]: n frames, ub_masker_stride() floats apart, are written.
*/
UB_API UB_RT void ub_masker_run(const ub_masker *masker, size_t channel,
                                const ub_matrix *activations, size_t first, size_t n, float *work,
                                float *const *masks);

enum { UB_MASKER_MOST_FRAMES = 64 };

/**
   Give components from `first` on other templates and gains; their sources stay. Not where sources
   share components.

   @param templates  F x n, finite, >= 0, such that first + n is at most K. Copied.
   @param gains      C x n, finite, >= 0. Copied.
   Not while another thread uses the masker. Time O(C F n).
*/
UB_API UB_RT void ub_masker_replace(ub_masker *masker, size_t first, const ub_matrix *templates,
                                    const ub_matrix *gains);

/** masked[i] = mask[i] * spectrum[i]. In place is fine. */
UB_API UB_RT void ub_mask_apply_frame(const float *mask, const float complex *spectrum,
                                      size_t n_bins, float complex *masked);

#endif
