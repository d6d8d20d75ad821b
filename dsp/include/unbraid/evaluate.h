// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_EVALUATE_H
#define UNBRAID_EVALUATE_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How near an estimate comes to the true source, in dB. */
typedef struct ub_score {
    double sdr; ///< 10 log10(|s|^2 / |s - e|^2), all channels stacked [1]
    double si_sdr; ///< scale-invariant SDR of the mean-free signals [2]
    double sdr_gain; ///< sdr minus the sdr of the mix itself
    double si_sdr_gain; ///< si_sdr minus the si_sdr of the mix itself
    double bss_sdr; ///< BSS Eval v3, 512 taps, on the mono downmix [3]; NaN when not asked for;
                    ///< the three are at most 140 dB: beyond that is rounding
    double bss_sir;
    double bss_sar;
} ub_score;

/** The signals of a comparison; everything is borrowed and only read. */
typedef struct ub_score_input {
    size_t n_sources;
    size_t n_channels;
    size_t n_samples;
    double rate_hz; ///< for the oracle mask's window only
    const float *const *const *references; ///< [source][channel][sample]
    const float *const *const *estimates; ///< [source][channel][sample]
} ub_score_input;

/**
   Score every estimate against the reference of the same index. The mix is the sum of the
   references. Energies are summed in double; 1e-12 is added to both sides of a ratio.

   @param bss      Also fill the BSS Eval columns (time grows with n_sources^3, memory with its
                   square: 2 MB n_sources^2).
   @param scores   Room for n_sources.
   @return UB_OK, UB_BAD_SHAPE, UB_BAD_VALUE (NaN or infinity), UB_NO_MEMORY, UB_CANCELLED; on
           failure the scores are not to be used.

   [1] Mitsufuji et al. Music Demixing Challenge 2021. [2] Le Roux et al. SDR: half-baked or well
   done? ICASSP 2019. [3] Vincent, Gribonval, Fevotte. Performance measurement in blind audio
   source separation. IEEE TASLP 14(4), 2006, as in mir_eval's bss_eval_sources without
   permutation, with 1e-9 added to every downmixed sample.
*/
UB_API UB_MUST_USE ub_status ub_score_estimates(const ub_score_input *input, bool bss,
                                                const ub_progress *progress, ub_score *scores,
                                                ub_message *why);

/** The same with the mix as every estimate: what doing nothing scores. `estimates` is ignored. */
UB_API UB_MUST_USE ub_status ub_score_nothing(const ub_score_input *input, bool bss,
                                              const ub_progress *progress, ub_score *scores,
                                              ub_message *why);

/**
   The same with the stems of an oracle: ratio masks |S_j|^2 / sum |S_i|^2 per channel from the true
   sources (sqrt-Hann, 93 ms, four frames a sample) on the mix. What a mask can reach.
   `estimates` is ignored.
*/
UB_API UB_MUST_USE ub_status ub_score_oracle(const ub_score_input *input, bool bss,
                                             const ub_progress *progress, ub_score *scores,
                                             ub_message *why);

/** The depth of the null, 10 log10(|mix - sum of estimates|^2 / |mix|^2) in dB, with 1e-12 added to
    both energies, so that it ends where nothing is left. The mix is the sum of the references.
    @return UB_OK, UB_BAD_SHAPE, UB_BAD_VALUE. */
UB_API UB_MUST_USE ub_status ub_score_residual(const ub_score_input *input, double *residual_db,
                                               ub_message *why);

/**
   Which estimate belongs to which reference when names do not say: the assignment with the best
   mean SI-SDR (exhaustive; n_estimates <= 8).

   @param estimates   [n_estimates][channel][sample], n_estimates >= input->n_sources.
   @param assignment  Room for n_sources indices into `estimates`.
   @return UB_OK, UB_BAD_SHAPE (too few or too many), UB_BAD_VALUE.
*/
UB_API UB_MUST_USE ub_status ub_score_match(const ub_score_input *input,
                                            const float *const *const *estimates,
                                            size_t n_estimates, size_t *assignment,
                                            ub_message *why);

#ifdef __cplusplus
}
#endif
#endif
