// SPDX-License-Identifier: GPL-3.0-or-later
// Continuity couples frames, but not far: what happens a second away does not matter. So a stretch
// of the recording can be fitted alone when a margin at either end is given up to its neighbours.
#include "smoother.h"
#include "spectra.h"
#include "team.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_STRETCH = 1152, // frames; longer ones would save little, the overlap is a ninth
    SHARE_OF_OVERLAP = 9
};

struct ub_smoother {
    ub_front *front; // borrowed
    const ub_nmf_factors *factors; // borrowed
    ub_nmf_settings settings;
    size_t step, overlap; // frames from a stretch to the next, and that both have
    size_t next; // stretch that will be fitted next
    ub_matrix *spectra; // of a stretch
    ub_nmf_factors fit; // of the stretch before `next`
    ub_matrix tail; // activations that the stretch before that has for the overlap
    ub_team team; // for the start
    bool *fixed; // K times true
};

void ub_smoother_free(ub_smoother *smoother)
{
    if (!smoother) {
        return;
    }
    ub_spectra_free(smoother->spectra, smoother->front->audio->n_channels);
    ub_nmf_factors_free(&smoother->fit);
    ub_matrix_free(&smoother->tail);
    ub_team_free(&smoother->team);
    free(smoother->fixed);
    free(smoother);
}

static ub_status allocate(ub_smoother *s, const ub_activator *activator)
{
    const size_t n_channels = s->front->audio->n_channels;
    const size_t n_bins = s->factors->templates.n_rows, n_components = s->factors->templates.n_cols;
    ub_status status =
        ub_nmf_factors_new(n_bins, s->step + s->overlap, n_channels, n_components, &s->fit);
    status = status ? status : ub_matrix_new(n_components, s->overlap, &s->tail);
    status = status ? status : ub_spectra_new(s->front, s->step + s->overlap, &s->spectra, NULL);
    status = status ? status : ub_team_new(activator, s->front->n_threads, &s->team);
    s->fixed = calloc(n_components, sizeof *s->fixed);
    if (status || !s->fixed) {
        return UB_NO_MEMORY;
    }
    for (size_t k = 0; k < n_components; k++) {
        s->fixed[k] = true;
    }
    return UB_OK;
}

ub_status ub_smoother_new(ub_front *front, const ub_nmf_factors *factors,
                          const ub_activator *activator, const ub_nmf_settings *settings,
                          size_t n_frames, ub_smoother **out, ub_message *why)
{
    ub_smoother *smoother = calloc(1, sizeof *smoother);
    if (!smoother) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for continuity");
    }
    n_frames = n_frames < MOST_STRETCH ? n_frames : MOST_STRETCH;
    smoother->front = front;
    smoother->factors = factors;
    smoother->settings = *settings;
    smoother->overlap = (n_frames + SHARE_OF_OVERLAP - 1) / SHARE_OF_OVERLAP;
    smoother->step = n_frames - smoother->overlap;
    if (allocate(smoother, activator)) {
        ub_smoother_free(smoother);
        return ub_fail(why, UB_NO_MEMORY, "no memory for continuity over %zu frames", n_frames);
    }
    *out = smoother;
    return UB_OK;
}

void ub_smoother_rewind(ub_smoother *smoother)
{
    smoother->next = 0;
}

static ub_status fit_next(ub_smoother *s, const ub_progress *progress, ub_message *why)
{
    const size_t first = s->next * s->step, rest = s->front->n_frames - first;
    const size_t n = rest < s->step + s->overlap ? rest : s->step + s->overlap;
    for (size_t i = 0; i < s->overlap; i++) { // stretches but the last have more than the step
        memcpy(ub_matrix_column(&s->tail, i), ub_matrix_column(&s->fit.activations, s->step + i),
               s->tail.n_rows * sizeof(float));
    }
    ub_status status = ub_spectra_read(s->front, first, n, progress, s->spectra, 0, why);
    if (status) {
        return status;
    }
    // Copies, as ub_nmf_fit() takes fixed and free factors in one struct.
    ub_matrix_copy_into(&s->factors->templates, &s->fit.templates);
    ub_matrix_copy_into(&s->factors->gains, &s->fit.gains);
    ub_matrix spectra[UB_NMF_MAX_CHANNELS]; // views of what the last stretch has
    for (size_t c = 0; c < s->front->audio->n_channels; c++) {
        spectra[c] = s->spectra[c];
        spectra[c].n_cols = n;
    }
    ub_nmf_factors fit = s->fit;
    fit.activations.n_cols = n;
    ub_progress_stage(progress, "activate");
    ub_team_run(&s->team, spectra, n, &fit.activations);
    const ub_nmf_constraints constraints = {.fixed_templates = s->fixed, .fixed_gains = s->fixed};
    status = ub_nmf_fit(spectra, s->front->audio->n_channels, &s->settings, &constraints, progress,
                        &fit, NULL, why);
    s->next++;
    return status;
}

static void fade(const ub_smoother *s, size_t at, float *activations)
{
    const float *before = ub_matrix_column(&s->tail, at);
    const float share = ((float)at + 0.5f) / (float)s->overlap;
    for (size_t k = 0; k < s->tail.n_rows; k++) {
        activations[k] = before[k] + share * (activations[k] - before[k]);
    }
}

ub_status ub_smoother_run(ub_smoother *smoother, size_t first, size_t n,
                          const ub_progress *progress, ub_matrix *activations, ub_message *why)
{
    for (size_t t = first; t < first + n; t++) {
        const size_t stretch = t / smoother->step, at = t % smoother->step;
        while (smoother->next <= stretch) {
            const ub_status status = fit_next(smoother, progress, why);
            if (status) {
                return status;
            }
        }
        float *column = ub_matrix_column(activations, t - first);
        memcpy(column, ub_matrix_column(&smoother->fit.activations, at),
               activations->n_rows * sizeof(float));
        if (stretch > 0 && at < smoother->overlap) {
            fade(smoother, at, column);
        }
    }
    return UB_OK;
}
