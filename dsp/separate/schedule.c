// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers come from docs/measurements.md.
#include "schedule.h"

#include <math.h>

enum {
    MOST_UPDATES = 100, // where bands of bins are of no use
    MOST_COARSE_UPDATES = 120, // on bands of bins
    MOST_FINE_UPDATES = 15, // after those
    FRAME_UPDATES = 40, // of activations of fixed templates
    FINE_FRAME_UPDATES = 4, // the same after FRAME_UPDATES on bands
    GAIN_UPDATES = 30,
    SMOOTHING_UPDATES = 30
};

static const double STANDARD_RELAXATION = 1.9;

// What is small counts much for a divergence near 0, and hardly for one near 2: sums over a band
// are another problem then.
static bool bands_suit(double beta)
{
    return beta >= 0.5 && beta <= 1.5;
}

static bool asks_for_updates(const ub_settings *settings)
{
    return settings->value[UB_PARAM_ITERATIONS] > 0.0;
}

static double relaxation_for(const ub_settings *settings)
{
    const double asked = settings->value[UB_PARAM_RELAXATION];
    return asked > 0.0 ? asked : STANDARD_RELAXATION;
}

static double mean_magnitude(const ub_matrix *spectra, size_t n_channels)
{
    double sum = 0.0;
    for (size_t c = 0; c < n_channels; c++) {
        for (size_t t = 0; t < spectra[c].n_cols; t++) {
            const float *v = ub_matrix_column(&spectra[c], t);
            for (size_t f = 0; f < spectra[c].n_rows; f++) {
                sum += (double)v[f];
            }
        }
    }
    const double n = (double)n_channels * (double)spectra[0].n_rows * (double)spectra[0].n_cols;
    return sum / n;
}

ub_nmf_settings ub_schedule_fit(const ub_settings *settings, const ub_matrix *spectra,
                                size_t n_channels)
{
    const double *value = settings->value;
    ub_nmf_settings nmf = ub_nmf_settings_default();
    nmf.beta = value[UB_PARAM_BETA];
    const bool asked = value[UB_PARAM_ITERATIONS] > 0.0;
    nmf.n_iterations = asked ? (size_t)value[UB_PARAM_ITERATIONS] : MOST_UPDATES;
    if (!asked && bands_suit(nmf.beta)) {
        nmf.n_coarse_iterations = MOST_COARSE_UPDATES;
        nmf.n_iterations = MOST_FINE_UPDATES;
    }
    nmf.relaxation = relaxation_for(settings);
    nmf.multiplicative = true; // descent reaches a lower distance, but stems are worse for it
    nmf.tolerance = 0.0;
    nmf.mask_tolerance = value[UB_PARAM_TOLERANCE];
    nmf.n_threads = (size_t)value[UB_PARAM_THREADS];
    nmf.kernels = ub_settings_kernels(settings);
    const double sparsity = value[UB_PARAM_SPARSITY], continuity = value[UB_PARAM_CONTINUITY];
    if (n_channels > 0 && (sparsity > 0.0 || continuity > 0.0)) {
        // The derivative of the divergence in the model has the unit V^(beta - 1).
        const double mean = mean_magnitude(spectra, n_channels);
        const double unit = mean > 0.0 ? pow(mean, nmf.beta - 1.0) : 1.0;
        const double n_bins = (double)spectra[0].n_rows;
        // With unit-L1 templates KL sparsity only scales H (dsp/README.md); a template of
        // unit L2 whose energy sits in some tenth of the bins sums to about this.
        nmf.norm = UB_NORM_L2;
        nmf.l1_activations = sparsity * unit * sqrt(0.1 * n_bins);
        // The continuity penalty has no unit of its own: T jumps / squares is a number.
        nmf.continuity = continuity * unit * mean * n_bins;
    }
    return nmf;
}

ub_nmf_settings ub_schedule_learning(const ub_settings *settings, const ub_matrix *spectra,
                                     size_t n_channels)
{
    ub_nmf_settings learning = ub_schedule_fit(settings, spectra, n_channels);
    learning.n_coarse_iterations = 0;
    if (!asks_for_updates(settings)) {
        learning.n_iterations = MOST_UPDATES;
    }
    return learning;
}

ub_nmf_settings ub_schedule_gains(const ub_settings *settings, const ub_nmf_settings *fit)
{
    ub_nmf_settings gains = *fit;
    const bool coarse = !asks_for_updates(settings) && bands_suit(fit->beta);
    gains.n_coarse_iterations = coarse ? GAIN_UPDATES : 0;
    gains.n_iterations = coarse ? 1 : GAIN_UPDATES;
    gains.mask_tolerance = 0.0;
    return gains;
}

ub_nmf_settings ub_schedule_frames(const ub_settings *settings, const ub_nmf_settings *fit)
{
    ub_nmf_settings frames = *fit;
    if (!asks_for_updates(settings)) {
        const bool coarse = bands_suit(fit->beta);
        frames.n_coarse_iterations = coarse ? FRAME_UPDATES : 0;
        frames.n_iterations = coarse ? FINE_FRAME_UPDATES : FRAME_UPDATES;
    }
    return frames;
}

ub_nmf_settings ub_schedule_smoothing(const ub_settings *settings, const ub_nmf_settings *fit)
{
    ub_nmf_settings smoothing = *fit;
    smoothing.n_coarse_iterations = 0;
    if (!asks_for_updates(settings)) {
        smoothing.n_iterations = SMOOTHING_UPDATES;
    }
    return smoothing;
}

double ub_schedule_cost(const ub_nmf_settings *nmf, bool updates_templates)
{
    // Bands are about a sixth of the bins.
    const double updates = (double)nmf->n_coarse_iterations / 6.0 + (double)nmf->n_iterations;
    return updates * (updates_templates ? 2.0 : 1.0);
}
