// SPDX-License-Identifier: GPL-3.0-or-later
// Most updates on bands of bins, where they cost a fifth: see bands.h.
//
// The templates that the bands give are shared out over the bins in proportion to the mean spectrum
// and then updated alone, with the activations held: that problem is convex and each bin is on its
// own, so a few updates find what the bands could not see.
#include "bands.h"
#include "fit.h"
#include "ground/progress_part.h"

#include <stdlib.h>
#include <string.h>

enum {
    REFINEMENTS = 6 // updates of templates alone
};

typedef struct coarse {
    ub_bands bands;
    ub_matrix spectra[UB_NMF_MAX_CHANNELS];
    ub_nmf_factors factors; // of the bands
    double *weights; // n_bins: sum of the spectra over channels and frames
    bool *all; // K times true
} coarse;

static void coarse_free(coarse *c, size_t n_channels)
{
    for (size_t i = 0; i < n_channels; i++) {
        ub_matrix_free(&c->spectra[i]);
    }
    ub_nmf_factors_free(&c->factors);
    ub_bands_free(&c->bands);
    free(c->weights);
    free(c->all);
}

static void weigh_bins(const ub_matrix *spectra, size_t n_channels, double *weights)
{
    for (size_t c = 0; c < n_channels; c++) {
        for (size_t t = 0; t < spectra[c].n_cols; t++) {
            const float *column = ub_matrix_column(&spectra[c], t);
            for (size_t f = 0; f < spectra[c].n_rows; f++) {
                weights[f] += (double)column[f];
            }
        }
    }
}

static ub_status coarse_new(const ub_matrix *spectra, size_t n_channels, size_t n_others,
                            const ub_nmf_factors *factors, coarse *c)
{
    const size_t n_components = factors->templates.n_cols;
    ub_status status = ub_bands_new(spectra[0].n_rows - n_others, n_others, &c->bands);
    for (size_t i = 0; !status && i < n_channels; i++) {
        status = ub_bands_merge_matrix(&c->bands, &spectra[i], &c->spectra[i]);
    }
    status = status ? status
                    : ub_bands_merge_matrix(&c->bands, &factors->templates, &c->factors.templates);
    status = status ? status : ub_matrix_copy(&factors->activations, &c->factors.activations);
    status = status ? status : ub_matrix_copy(&factors->gains, &c->factors.gains);
    c->weights = calloc(spectra[0].n_rows, sizeof *c->weights);
    c->all = calloc(n_components, sizeof *c->all);
    if (status || !c->weights || !c->all) {
        return UB_NO_MEMORY;
    }
    weigh_bins(spectra, n_channels, c->weights);
    for (size_t k = 0; k < n_components; k++) {
        c->all[k] = true;
    }
    return UB_OK;
}

// What the bands found, as a start for the bins. Fixed parts have not moved.
static bool take_over(const coarse *c, const ub_nmf_constraints *constraints,
                      ub_nmf_factors *factors)
{
    bool any_free = false;
    ub_matrix_copy_into(&c->factors.activations, &factors->activations);
    ub_matrix_copy_into(&c->factors.gains, &factors->gains);
    for (size_t k = 0; k < factors->templates.n_cols; k++) {
        if (!ub_is_fixed(constraints->fixed_templates, k)) {
            any_free = true;
            ub_bands_share(&c->bands, ub_matrix_column(&c->factors.templates, k), c->weights,
                           ub_matrix_column(&factors->templates, k));
        }
    }
    return any_free;
}

static ub_status refine(const ub_matrix *spectra, size_t n_channels,
                        const ub_nmf_settings *settings, const ub_nmf_constraints *constraints,
                        const coarse *c, const ub_progress *progress, ub_nmf_factors *factors)
{
    const ub_nmf_constraints held = {.fixed_templates = constraints->fixed_templates,
                                     .fixed_activations = c->all,
                                     .fixed_gains = c->all};
    ub_nmf_settings few = *settings;
    few.n_iterations = REFINEMENTS;
    few.cost_interval = REFINEMENTS;
    few.tolerance = few.mask_tolerance = 0.0;
    ub_nmf_report report = {0};
    return ub_fit_run(spectra, n_channels, &few, &held, progress, factors, &report);
}

ub_status ub_fit_coarse(const ub_matrix *spectra, size_t n_channels,
                        const ub_nmf_settings *settings, const ub_nmf_constraints *constraints,
                        const ub_progress *progress, ub_nmf_factors *factors)
{
    coarse c = {0};
    ub_status status = coarse_new(spectra, n_channels, settings->n_others, factors, &c);
    ub_progress_part parts[2] = {{progress, 0.0, 0.8}, {progress, 0.8, 1.0}};
    const ub_progress first = ub_progress_of_part(&parts[0]);
    const ub_progress second = ub_progress_of_part(&parts[1]);
    ub_nmf_settings many = *settings;
    many.n_iterations = settings->n_coarse_iterations;
    ub_nmf_report report = {0};
    status =
        status ? status
               : ub_fit_run(c.spectra, n_channels, &many, constraints, &first, &c.factors, &report);
    if (!status && take_over(&c, constraints, factors)) {
        status = refine(spectra, n_channels, settings, constraints, &c, &second, factors);
    }
    coarse_free(&c, n_channels);
    return status;
}
