// SPDX-License-Identifier: GPL-3.0-or-later
/**
   The state of a factorisation, shared by the files that make up ub_nmf_fit(). Private header.

   A *point* is one set of factors. The fit holds two: `now`, which the running sweep starts from,
   and `before`, the last whose objective was measured, to go back to when a later one has risen. H
   lives frame-major in buffers that rotate; `scale` are factors per component that the last
   template update owes to H and that the next sweep applies while it reads.
*/
#ifndef UNBRAID_FACTOR_FIT_H
#define UNBRAID_FACTOR_FIT_H

#include "kernels/kernels.h"
#include "unbraid/nmf.h"

typedef struct ub_point {
    ub_matrix templates; // F x K
    ub_matrix gains; // C x K
    ub_matrix activations; // K x T
    float *scale; // K, padded
    double objective;
} ub_point;

typedef struct ub_fit {
    const ub_kernels *kernels;
    ub_nmf_settings settings;
    const ub_nmf_constraints *constraints;
    ub_packing packing;
    size_t n_frames, n_components, n_channels, n_bins;
    size_t padded_components; // K rounded up to whole vectors of every kernel set
    size_t n_threads;
    const ub_matrix *spectra;
    bool penalised; // templates are normalised inside the objective rather than afterwards
    bool any_free_template, any_free_gain, any_free_activation;
    double gamma; // exponent of the provably monotone update

    ub_point now, before;
    ub_matrix next_activations; // K x T, what the sweep writes
    float *packed, *transposed;
    float *template_sums, *exponents; // K, padded
    double *continuity; // 3 x K, padded; NULL without continuity
    ub_sweep sweep;

    // Frames go by tiles, tiles by chunks; a chunk has its own sums, added up in order.
    size_t tile_frames, n_tiles, n_chunks;
    float *ratio_sums, *power_sums; // n_chunks x packing.n_floats; power_sums NULL for beta = 1
    double *activation_sums; // n_chunks x K
    double *chunk_costs; // n_chunks
    float *thread_work; // n_threads x thread_work_floats
    size_t thread_work_floats;
    float *component_work; // n_threads x what update_templates wants
    size_t component_work_floats;
    double *gain_sums; // K x C x 2
    float *audible_work; // for ub_fit_mask_change(); NULL when nobody asks
    bool *held_gains; // by group: the scale has nowhere to go, an activation is fixed
} ub_fit;

enum {
    UB_FIT_SUM_FLOATS = 1 << 24 ///< 64 MiB for the sums of all chunks, unless two need more
};

/** Add the sums of all chunks, n floats each, to those of the first, in order. */
void ub_fit_add_chunks(const ub_fit *fit, size_t n_chunks, float *sums, size_t n);

/** K sums of the stacked templates: of a template times of its gains. */
void ub_fit_sum_templates(const ub_matrix *templates, const ub_matrix *gains, float *sums);

/** Floats of work space for sweeps over tiles of `tile_frames`, and how they are laid out. */
size_t ub_sweep_work_size(const ub_packing *packing, size_t panel_bins, size_t tile_frames);
ub_sweep_work ub_sweep_work_in(float *memory, const ub_packing *packing, size_t panel_bins,
                               size_t tile_frames);

/** Frames of a tile: so many that the ratio of a tile fits a second-level cache. Depends on the
    shape only, never on the machine. */
size_t ub_tile_frames(size_t n_channels, size_t n_bins);

/** Memory for a fit; on failure everything is freed. */
ub_status ub_fit_new(const ub_matrix *spectra, size_t n_channels, const ub_nmf_settings *settings,
                     const ub_nmf_constraints *constraints, const ub_nmf_factors *factors,
                     ub_fit *fit);
void ub_fit_free(ub_fit *fit);

/** When `update` is set, compute the next activations and the sums that the template update needs.
    @return the objective of `now` when `measure` is set, otherwise 0. */
double ub_fit_sweep(ub_fit *fit, double exponent, bool measure, bool update);

/** From the sums of the last sweep make the next point. When `keep` is set `before` becomes the
    old `now`, otherwise the old `now` is gone. */
void ub_fit_advance(ub_fit *fit, double exponent, bool keep);

/** All updates that the settings ask for; arguments that have been checked. The report is set on
    success, but for `costs`, which is borrowed. @return UB_OK, UB_NO_MEMORY, UB_CANCELLED. */
ub_status ub_fit_run(const ub_matrix *spectra, size_t n_channels, const ub_nmf_settings *settings,
                     const ub_nmf_constraints *constraints, const ub_progress *progress,
                     ub_nmf_factors *factors, ub_nmf_report *report);

/** settings->n_coarse_iterations updates on bands of bins, and what it takes to make their result a
    start for the bins (coarse.c). @return as ub_fit_run(). */
ub_status ub_fit_coarse(const ub_matrix *spectra, size_t n_channels,
                        const ub_nmf_settings *settings, const ub_nmf_constraints *constraints,
                        const ub_progress *progress, ub_nmf_factors *factors);

/** How much the masks of components differ between `before` and `now` (audible.c): the root of
    sum (v (m - m'))^2 over sum v^2, over components, bins and a sample of frames. */
double ub_fit_mask_change(const ub_fit *fit);

/** Whether that is below the tolerance of the settings, when they have one. */
static inline bool ub_fit_masks_rest(const ub_fit *fit)
{
    const double tolerance = fit->settings.mask_tolerance;
    return tolerance > 0.0 && ub_fit_mask_change(fit) <= tolerance;
}

size_t ub_fit_audible_work_size(const ub_fit *fit);

/** Go back from `now` to `before`. */
void ub_fit_retreat(ub_fit *fit);

/** Templates and gains from the sums (templates.c): from `from` into `to`, which may be the same.
 */
void ub_fit_update_templates(ub_fit *fit, const ub_point *from, ub_point *to, double exponent);

/** Give templates norm one and gains sum one, moving the scale into point->scale. */
void ub_fit_normalise(const ub_fit *fit, ub_point *point, bool keep_scale);

/** Give the free gains of each group their mean, after a normalisation. */
void ub_fit_tie_gains(const ub_fit *fit, ub_point *point);

/** Value of all penalties at a point (penalties.c). */
double ub_fit_penalty(const ub_fit *fit, const ub_point *point);

/** Coefficients of the continuity gradient at a point, into fit->continuity; exponents of rows
    that have died become zero. */
void ub_fit_continuity(ub_fit *fit, const ub_point *point);

/** The exponent for which the auxiliary function of Fevotte and Idier (2011) is minimised. */
static inline double ub_nmf_gamma(double beta)
{
    if (beta < 1.0) {
        return 1.0 / (2.0 - beta);
    }
    return beta > 2.0 ? 1.0 / (beta - 1.0) : 1.0;
}

/** Whether one of the arrays of constraints, NULL for none, holds component k. */
static inline bool ub_is_fixed(const bool *fixed, size_t k)
{
    return fixed && fixed[k];
}

static inline bool ub_fit_template_fixed(const ub_fit *fit, size_t k)
{
    return ub_is_fixed(fit->constraints->fixed_templates, k);
}

static inline bool ub_fit_activation_fixed(const ub_fit *fit, size_t k)
{
    return ub_is_fixed(fit->constraints->fixed_activations, k);
}

static inline bool ub_fit_gain_fixed(const ub_fit *fit, size_t k)
{
    return fit->n_channels == 1 || ub_is_fixed(fit->constraints->fixed_gains, k);
}

static inline size_t ub_fit_gain_group(const ub_fit *fit, size_t k)
{
    return fit->constraints->gain_groups ? fit->constraints->gain_groups[k] : k;
}

#endif
