// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_NMF_H
#define UNBRAID_NMF_H

#include "matrix.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Norm of a template that is held at one. */
typedef enum ub_norm {
    UB_NORM_L1, ///< a template sums to one; with KL an L1 penalty on H then only scales H
    UB_NORM_L2, ///< its squares sum to one: what sparsity needs to have an effect on the model
} ub_norm;

/** How to fit. Zero penalties are the default; weights are those of the formula below. */
typedef struct ub_nmf_settings {
    double beta; ///< divergence, -4 to 4: 2 Euclidean, 1 Kullback-Leibler, 0 Itakura-Saito;
                 ///< within 1e-4 of 1 or 0 it is taken as that
    size_t n_iterations; ///< most updates of H and W; 0 only evaluates the cost
    double tolerance; ///< stop when an update lowers the objective by less than this share, on
                      ///< average since it was last measured; 0: never
    double mask_tolerance; ///< stop when the masks of the components, between two measurements,
                           ///< move less than this share of the amplitude of the data; 0: never
    size_t n_coarse_iterations; ///< most updates on bands of bins before all others; 0: none
    size_t n_others; ///< last rows of V and W that are no bins, but numbers of another kind that
                     ///< go into the fit as they are; 0: none
    size_t cost_interval; ///< updates between two measurements of the objective; 0 means 1
    double relaxation; ///< over-relaxation of the exponents, 1 (plain) to below 2 [3]
    double l1_activations; ///< >= 0
    double l2_activations; ///< >= 0
    double l1_templates; ///< >= 0, on the normalised templates
    double l2_templates; ///< >= 0, on the normalised templates
    double continuity; ///< >= 0, temporal continuity of activations [4]
    ub_norm norm;
    size_t n_threads; ///< 0: one per core. The result does not depend on it
    const char *kernels; ///< name of a kernel set ("generic", "avx2", ...); NULL: the best
    bool multiplicative; ///< for beta = 2 as well, see ub_nmf_fit()
} ub_nmf_settings;

/** KL, 100 iterations, none on bands, tolerance 1e-4, the objective measured every 5 of them,
    relaxation 1.5, no penalties, L1 norm, all cores. */
UB_API ub_nmf_settings ub_nmf_settings_default(void);

/** Names of the kernel sets that this CPU and build have, the slowest first. @return how many. */
UB_API UB_RT size_t ub_nmf_kernels(const char *names[4]);

/** @return UB_OK or UB_BAD_SETTING with the reason. */
UB_API UB_MUST_USE ub_status ub_nmf_settings_check(const ub_nmf_settings *settings,
                                                   ub_message *why);

/**
   The factors of a non-negative tensor V[c][f,t] ~ sum_k gains[c,k] templates[f,k]
   activations[k,t]. One channel with gains of one is plain NMF.
*/
typedef struct ub_nmf_factors {
    ub_matrix templates; ///< F x K
    ub_matrix activations; ///< K x T
    ub_matrix gains; ///< C x K
} ub_nmf_factors;

/** Factors of that shape: zeros, gains all 1 / C. @return UB_OK or UB_NO_MEMORY. */
UB_API UB_MUST_USE ub_status ub_nmf_factors_new(size_t n_bins, size_t n_frames, size_t n_channels,
                                                size_t n_components, ub_nmf_factors *out);

/** Free what the factors own. NULL and zeroed structs are fine. */
UB_API void ub_nmf_factors_free(ub_nmf_factors *factors);

/** What may not move, per component. NULL members: everything is free. Borrowed. */
typedef struct ub_nmf_constraints {
    const bool *fixed_templates; ///< K
    const bool *fixed_activations; ///< K
    const bool *fixed_gains; ///< K
    /** K: components with the same number (below K) share one gain per channel; NULL: each has
        its own. Tie the components of a source: the free form overfits. */
    const size_t *gain_groups;
} ub_nmf_constraints;

/** How a fit went. */
typedef struct ub_nmf_report {
    size_t n_iterations; ///< updates that are in the result
    size_t n_rejected; ///< times that updates were taken back because the cost had risen
    bool converged; ///< stopped by the tolerance
    double cost; ///< objective of the result
    double *costs; ///< borrowed room for n_iterations + 1 objectives, start first, NaN where
                   ///< none was measured; or NULL
} ub_nmf_report;

/**
   Fit factors to magnitude (or power) spectrograms.

   Minimises
       D_beta(V | Q W H + floor) + l1_h sum H + l2_h/2 sum H^2 + l1_w sum W + l2_w/2 sum W^2
           + continuity sum_k (T / sum_t h_kt^2) sum_t (h_kt - h_k,t-1)^2
   with every free template normalised in the objective, so that penalties cannot be dodged by
   moving scale between the factors [2].

   Multiplicative updates: each raises the ratio of the negative and the
   positive part of the gradient to the exponent gamma(beta) for which the divergence provably never
   rises [1], times the relaxation (after five plain updates). Each time that the objective is
   measured it is compared with the time before; if it rose, the updates in between are taken back
   and tried again with a smaller exponent, so that `costs` never rises. Templates and gains are
   updated from one set of sums, each minimising the same majoriser.

   With n_coarse_iterations the spectra are first merged into bands of neighbouring bins, never
   wider than a seventieth of their frequency, and factorised so, at about a fifth of the price for
   2049 bins. Templates are then shared out over the bins and updated alone, before n_iterations
   updates of everything follow. Both stages stop by the tolerances. The report is about the last.

   Coordinate descent: with beta = 2 every entry in turn goes to its own minimum, a few times per
   pass over V [5, 6], which reaches the same objective in a fraction of the updates and of the
   time. That is what is done unless `multiplicative` is set, for the requests for which it is
   exact: all constraints without penalties, and with templates and gains that are all fixed every
   penalty but continuity. Other requests get multiplicative updates. Each step lowers the
   objective, so nothing is tried twice and the relaxation plays no part; when single precision
   knows no better point, the fit has converged. Entries that are not zero stay above 1e-20 of the
   largest value (of one, for templates and gains), from where they can come back. The first update
   finds the level of each frame: only the shape of the start matters. Steps take the floor for
   zero; the costs do not.

   Entries that are zero stay zero. The floor is 1e-10 of the largest value of V.

   @param spectra      n_channels matrices F x T of one stride, finite, >= 0, at most 1e15, their
                       padding zero. Read only. For beta outside 0 to 2 powers of the data must fit
                       single precision: keep the largest value near one.
   @param n_channels   1 to 32.
   @param settings     NULL means the default.
   @param constraints  NULL means that nothing is fixed or tied.
   @param progress     Its only stage: "factorise".
   @param factors      In: the start, >= 0 (see ub_nmf_start()). Out: the fit; free templates have
   norm one and free gains sum to one, unless the activations are fixed. K from 1 to
                       UB_NMF_MAX_COMPONENTS; K > min(F, T), T = 1 and all-zero V are fine.
   @param report       May be NULL. Set `costs` before the call.
   @return UB_OK, UB_BAD_SHAPE, UB_BAD_VALUE, UB_BAD_SETTING, UB_NO_MEMORY, UB_CANCELLED; on
           failure `factors` has not changed.

   Allocates and starts threads: not for the audio thread. Time O(C F K T) per iteration.

   [1] Fevotte, Idier. Algorithms for NMF with the beta-divergence. Neural Computation 23(9), 2011.
   [2] Le Roux, Weninger, Hershey. Sparse NMF: half-baked or well done? MERL TR2015-023.
   [3] Badeau, Bertin, Vincent. Stability analysis of multiplicative update algorithms. IEEE TNN
       21(12), 2010.
   [4] Virtanen. Monaural sound source separation by NMF with temporal continuity and sparseness
       criteria. IEEE TASLP 15(3), 2007.
   [5] Cichocki, Phan. Fast local algorithms for large scale nonnegative matrix and tensor
       factorizations. IEICE Transactions E92-A(3), 2009.
   [6] Gillis, Glineur. Accelerated multiplicative updates and hierarchical ALS algorithms for
       nonnegative matrix factorization. Neural Computation 24(4), 2012.
*/
UB_API UB_MUST_USE ub_status ub_nmf_fit(const ub_matrix *spectra, size_t n_channels,
                                        const ub_nmf_settings *settings,
                                        const ub_nmf_constraints *constraints,
                                        const ub_progress *progress, ub_nmf_factors *factors,
                                        ub_nmf_report *report, ub_message *why);

enum { UB_NMF_MAX_COMPONENTS = 4096, UB_NMF_MAX_CHANNELS = 32 };

/** Starting points. */
typedef enum ub_start {
    UB_START_RANDOM, ///< uniform plus 0.1, scaled to the data frame by frame; seeded
    UB_START_NNDSVD, ///< Boutsidis, Gallopoulos 2008: exact zeros (which stay zero)
    UB_START_NNDSVDA, ///< the same, zeros filled with the mean of the channel sum
    UB_START_NNDSVDAR, ///< the same, zeros filled with small random numbers; seeded
} ub_start;

/**
   Fill templates and activations with a starting point for ub_nmf_fit(); the templates that
   `constraints` fixes, and the activations that it fixes, are left alone, and so are the gains.

   Non-negative double singular value decomposition: from the leading singular triplets
   (u, s, v) of the sum of the channels of V; the first gives |u|, |v|; each further one is split
   into its positive and negative parts, and the pair with the larger product of norms is kept,
   scaled by sqrt(s |u+-| |v+-|) and normalised [1]. Triplets beyond the rank of V are zero.

   @param spectra   As in ub_nmf_fit().
   @param seed      For the random starts, and for the subspace iteration behind the SVD.
   @return UB_OK, UB_BAD_SHAPE, UB_NO_MEMORY.

   [1] Boutsidis, Gallopoulos. SVD based initialization: a head start for nonnegative matrix
   factorization. Pattern Recognition 41(4), 2008.
*/
UB_API UB_MUST_USE ub_status ub_nmf_start(ub_start start, const ub_matrix *spectra,
                                          size_t n_channels, uint64_t seed,
                                          const ub_nmf_constraints *constraints,
                                          ub_nmf_factors *factors, ub_message *why);

/**
   Activations of fixed templates, frame by frame: each frame starts from equal activations of
   its own level and gets a fixed number of multiplicative updates. Nothing passes from a frame to
   another, so any cut of the frames into calls gives the same bits.
*/
typedef struct ub_activator ub_activator;

/**
   Prepare for templates and gains; both are copied.
   @param settings  beta, n_coarse_iterations (on bands, as in ub_nmf_fit(), before the others),
                    n_iterations, relaxation, l1_activations, l2_activations and kernels are used.
                    NULL means the default.
   @return UB_OK, UB_BAD_SHAPE, UB_BAD_VALUE, UB_BAD_SETTING, UB_NO_MEMORY.
*/
UB_API UB_MUST_USE ub_status ub_activator_new(const ub_matrix *templates, const ub_matrix *gains,
                                              const ub_nmf_settings *settings, ub_activator **out,
                                              ub_message *why);

/** NULL is fine. */
UB_API void ub_activator_free(ub_activator *activator);

/** Floats of work space for ub_activator_run(), 64-byte aligned. */
UB_API UB_RT size_t ub_activator_work_size(const ub_activator *activator);

/**
   Activations for frames of spectra.

   @param spectra      n_channels matrices F x T of one stride, finite, >= 0, their padding finite.
   @param first, n     Frames to do; the same columns of `activations` (K x T) are written.
   @param work         ub_activator_work_size() floats, aligned to 64 bytes; one per thread.
   Bounded time: n_iterations products per frame.
*/
UB_API UB_RT void ub_activator_run(const ub_activator *activator, const ub_matrix *spectra,
                                   size_t first, size_t n, float *work, ub_matrix *activations);

/**
   One update, on bins, of the activations that are in one column: what ub_activator_run() is made
   of, for callers that start from elsewhere.
   @param relaxed  Over-relaxed or plain.
   @param penalty  Factor of the penalties of the settings, >= 0: they have a unit, V^(beta - 1),
                   that may change from frame to frame.
*/
UB_API UB_RT void ub_activator_update(const ub_activator *activator, const ub_matrix *spectra,
                                      size_t frame, bool relaxed, float penalty, float *work,
                                      ub_matrix *activations);

/** Floats that ub_activator_model() writes: n_bins rounded up. */
UB_API UB_RT size_t ub_activator_stride(const ub_activator *activator);

/** The model of one channel for the activations in one column: ub_activator_stride() floats. */
UB_API UB_RT void ub_activator_model(const ub_activator *activator, size_t channel,
                                     const ub_matrix *activations, size_t frame, float *model);

/**
   Give components from `first` on other templates and gains.

   @param templates  F x n, finite, >= 0, such that first + n is at most K. Copied.
   @param gains      C x n, finite, >= 0. Copied.
   Not while another thread uses the activator. Time O(C F n).
*/
UB_API UB_RT void ub_activator_replace(ub_activator *activator, size_t first,
                                       const ub_matrix *templates, const ub_matrix *gains);

#ifdef __cplusplus
}
#endif
#endif
