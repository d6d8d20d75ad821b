// SPDX-License-Identifier: GPL-3.0-or-later
#include "model.h"
#include "factor/norm.h"
#include "ground/progress_part.h"
#include "grouping.h"
#include "guide/struck.h"
#include "schedule.h"
#include "spectra.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLIND_COMPONENTS = 32,
    BLIND_SOURCES = 4,
    SAMPLED_FRAMES = 1500 // for what a dictionary must know of the whole recording: the gains
};

static const double WINDOW_MS = 93.0; // where neither dictionary nor caller chose one

void ub_model_free(ub_model *model)
{
    ub_nmf_factors_free(&model->factors);
    ub_matrix_free(&model->reconstruction);
    ub_matrix_free(&model->shares);
    free(model->component_source);
    for (size_t j = 0; model->names && j < model->n_sources; j++) {
        free(model->names[j]);
    }
    free(model->names);
    *model = (ub_model){0};
}

ub_stft_settings ub_model_transform(const ub_dictionary *dictionary, const ub_settings *settings,
                                    double rate_hz)
{
    if (!dictionary) {
        const double ms = ub_settings_value(settings, UB_PARAM_WINDOW_MS, WINDOW_MS);
        return ub_stft_settings_for(UB_WINDOW_SQRT_HANN, ms,
                                    (size_t)settings->value[UB_PARAM_OVERLAP], rate_hz);
    }
    if (dictionary->rate_hz == rate_hz) {
        return (ub_stft_settings){.window = dictionary->window,
                                  .size_samples = dictionary->window_samples,
                                  .hop_samples = dictionary->hop_samples};
    }
    const double ms = 1000.0 * (double)dictionary->window_samples / dictionary->rate_hz;
    return ub_stft_settings_for(dictionary->window, ms,
                                dictionary->window_samples / dictionary->hop_samples, rate_hz);
}

size_t ub_model_blind_sources(const ub_settings *settings)
{
    const size_t n_sources = (size_t)settings->value[UB_PARAM_SOURCES];
    return n_sources ? n_sources : BLIND_SOURCES;
}

const char *ub_model_rest_name(const ub_settings *settings)
{
    return settings->rest_name ? settings->rest_name : "rest";
}

static ub_status allocate_sources(ub_model *model, size_t n_sources, size_t n_components)
{
    model->names = calloc(n_sources, sizeof *model->names);
    model->component_source = calloc(n_components, sizeof *model->component_source);
    if (!model->names || !model->component_source) {
        return UB_NO_MEMORY;
    }
    model->n_sources = n_sources;
    return UB_OK;
}

static ub_status set_name(ub_model *model, size_t source, const char *name)
{
    model->names[source] = malloc(strlen(name) + 1);
    if (!model->names[source]) {
        return UB_NO_MEMORY;
    }
    strcpy(model->names[source], name);
    return UB_OK;
}

// ---- blind -------------------------------------------------------------------------------------

static ub_status group(ub_model *model, const ub_front *front, const ub_settings *settings,
                       const ub_matrix *spectra, size_t n_sources)
{
    const ub_stft_settings *stft = ub_stft_get_settings(front->stft);
    const double rate_hz = front->audio->rate_hz;
    const size_t n_k = model->factors.templates.n_cols;
    char(*names)[UB_NAME_SIZE] = calloc(n_sources, sizeof *names);
    float *struck = calloc(n_k, sizeof *struck);
    ub_status status = names && struck ? UB_OK : UB_NO_MEMORY;
    status = status ? status : allocate_sources(model, n_sources, n_k);
    status = status ? status : ub_matrix_new(n_sources, n_k, &model->shares);
    const ub_scene scene = ub_front_scene(front, settings, spectra);
    status = status ? status : ub_struck_shares(&scene, &model->factors, struck);
    status =
        status ? status
               : ub_group_components(&model->factors, struck, rate_hz / (double)stft->size_samples,
                                     (double)stft->hop_samples / rate_hz, n_sources,
                                     model->component_source, &model->shares, names);
    for (size_t j = 0; !status && j < n_sources; j++) {
        status = set_name(model, j, names[j]);
    }
    free(names);
    free(struck);
    return status;
}

// The templates are known now; the activations are left to be computed.
static void leave_activations(const ub_settings *settings, const ub_nmf_settings *nmf,
                              ub_model *model)
{
    ub_matrix_free(&model->factors.activations);
    model->activation = ub_schedule_frames(settings, nmf);
    model->smoothing = ub_schedule_smoothing(settings, nmf);
}

static ub_status fit_blind(ub_front *front, const ub_settings *settings, const ub_matrix *spectra,
                           const ub_progress *progress, bool whole, ub_model *model,
                           ub_message *why)
{
    const size_t n_channels = front->audio->n_channels;
    const size_t n_sources = ub_model_blind_sources(settings);
    size_t n_components = (size_t)settings->value[UB_PARAM_COMPONENTS];
    n_components = n_components ? n_components : BLIND_COMPONENTS;
    const ub_nmf_settings nmf = ub_schedule_fit(settings, spectra, n_channels);
    ub_status status = ub_nmf_factors_new(spectra[0].n_rows, spectra[0].n_cols, n_channels,
                                          n_components, &model->factors);
    if (status) {
        return ub_fail(why, status, "no memory for %zu components", n_components);
    }
    ub_progress_stage(progress, "start");
    status = ub_nmf_start((ub_start)settings->value[UB_PARAM_INIT], spectra, n_channels,
                          (uint64_t)settings->value[UB_PARAM_SEED], NULL, &model->factors, why);
    status =
        status ? status
               : ub_nmf_fit(spectra, n_channels, &nmf, NULL, progress, &model->factors, NULL, why);
    ub_progress_stage(progress, "group");
    if (!status && group(model, front, settings, spectra, n_sources)) {
        status = ub_fail(why, UB_NO_MEMORY, "no memory to group %zu components", n_components);
    }
    if (!whole) {
        leave_activations(settings, &nmf, model);
    }
    return status;
}

// ---- with a dictionary -------------------------------------------------------------------------

static void take_template(const ub_front *front, const ub_dictionary *dictionary, size_t k,
                          ub_model *model)
{
    const size_t n_bytes = dictionary->templates.n_rows * sizeof(float);
    ub_context_stack(front->context, dictionary, k, ub_matrix_column(&model->factors.templates, k));
    if (dictionary->reconstruction.n_rows > 0) {
        memcpy(ub_matrix_column(&model->reconstruction, k),
               ub_matrix_column(&dictionary->reconstruction, k), n_bytes);
    }
}

static ub_status take_dictionary(const ub_front *front, const ub_dictionary *dictionary,
                                 const ub_settings *settings, size_t n_frames, ub_model *model)
{
    const size_t n_free = (size_t)settings->value[UB_PARAM_FREE];
    const size_t n_fixed = dictionary->templates.n_cols;
    const size_t n_sources = dictionary->n_sources + (n_free ? 1 : 0);
    const size_t n_bins = dictionary->reconstruction.n_rows;
    ub_status status =
        ub_nmf_factors_new(ub_front_n_rows(front), n_frames, front->audio->n_channels,
                           n_fixed + n_free, &model->factors);
    status = status || n_bins == 0
                 ? status
                 : ub_matrix_new(n_bins, n_fixed + n_free, &model->reconstruction);
    status = status ? status : allocate_sources(model, n_sources, n_fixed + n_free);
    for (size_t j = 0; !status && j < dictionary->n_sources; j++) {
        status = set_name(model, j, dictionary->source_names[j]);
    }
    if (!status && n_free) {
        status = set_name(model, n_sources - 1, ub_model_rest_name(settings));
    }
    for (size_t k = 0; !status && k < n_fixed + n_free; k++) {
        if (k >= n_fixed) {
            model->component_source[k] = n_sources - 1;
            continue;
        }
        model->component_source[k] = dictionary->component_source[k];
        take_template(front, dictionary, k, model);
    }
    return status;
}

// At the norm of the fit, so that penalties weigh templates alike; those for the masks keep their
// proportion to them.
static void settle_norms(ub_norm norm, size_t n_fixed, ub_model *model)
{
    const ub_matrix *templates = &model->factors.templates;
    for (size_t k = 0; model->reconstruction.n_rows > 0 && k < n_fixed; k++) {
        const double length = ub_norm_of(norm, ub_matrix_column(templates, k), templates->n_rows);
        float *column = ub_matrix_column(&model->reconstruction, k);
        for (size_t f = 0; length > 0.0 && f < model->reconstruction.n_rows; f++) {
            column[f] = (float)((double)column[f] / length);
        }
    }
    ub_norm_columns(norm, &model->factors.templates, n_fixed);
}

// Free components make masks from what they are.
static void reconstruct_free(size_t n_fixed, ub_model *model)
{
    for (size_t k = n_fixed; k < model->reconstruction.n_cols; k++) {
        memcpy(ub_matrix_column(&model->reconstruction, k),
               ub_matrix_column(&model->factors.templates, k),
               model->reconstruction.n_rows * sizeof(float));
    }
}

// Fixed templates, and for each source of the dictionary one gain per channel: gains of every
// template alone overfit. Free components have gains of their own.
static ub_status fit_fixed(const ub_matrix *spectra, size_t n_channels, size_t n_fixed,
                           const ub_settings *settings, const ub_nmf_settings *nmf,
                           const ub_progress *progress, ub_model *model, ub_message *why)
{
    const size_t n_components = model->factors.templates.n_cols;
    bool *fixed = calloc(n_components, sizeof *fixed);
    size_t *groups = calloc(n_components, sizeof *groups);
    ub_status status = fixed && groups ? UB_OK : ub_fail(why, UB_NO_MEMORY, "no memory");
    for (size_t k = 0; !status && k < n_components; k++) {
        fixed[k] = k < n_fixed;
        groups[k] = k < n_fixed ? model->component_source[k] : k;
    }
    const ub_nmf_constraints constraints = {.fixed_templates = fixed, .gain_groups = groups};
    ub_progress_stage(progress, "start");
    status = status ? status
                    : ub_nmf_start(UB_START_RANDOM, spectra, n_channels,
                                   (uint64_t)settings->value[UB_PARAM_SEED], &constraints,
                                   &model->factors, why);
    status = status ? status
                    : ub_nmf_fit(spectra, n_channels, nmf, &constraints, progress, &model->factors,
                                 NULL, why);
    free(fixed);
    free(groups);
    return status;
}

static ub_status fit_with_dictionary(ub_front *front, const ub_dictionary *dictionary,
                                     const ub_settings *settings, const ub_matrix *spectra,
                                     const ub_progress *progress, bool whole, ub_model *model,
                                     ub_message *why)
{
    const size_t n_channels = front->audio->n_channels;
    const size_t n_free = (size_t)settings->value[UB_PARAM_FREE];
    const size_t n_fixed = dictionary->templates.n_cols;
    ub_nmf_settings nmf = ub_schedule_fit(settings, spectra, n_channels);
    nmf.n_others = spectra[0].n_rows - dictionary->templates.n_rows;
    if (take_dictionary(front, dictionary, settings, spectra[0].n_cols, model)) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates", n_fixed + n_free);
    }
    settle_norms(nmf.norm, n_fixed, model);
    ub_status status = UB_OK;
    if (whole || n_free > 0 || n_channels > 1) {
        const bool learns = whole || n_free > 0;
        const ub_nmf_settings fit = learns ? nmf : ub_schedule_gains(settings, &nmf);
        status = fit_fixed(spectra, n_channels, n_fixed, settings, &fit, progress, model, why);
        reconstruct_free(n_fixed, model);
    }
    if (!whole) {
        leave_activations(settings, &nmf, model);
    }
    return status;
}

// ---- both --------------------------------------------------------------------------------------

typedef struct fit_plan {
    bool is_long; // beyond the limits
    bool whole; // all spectra are held, and all activations fitted at once
    bool learns; // templates too
    size_t n_frames; // to fit to, at most
} fit_plan;

static fit_plan plan_fit(const ub_front *front, const ub_dictionary *dictionary,
                         const ub_settings *settings, const ub_limits *limits)
{
    const size_t most = ub_spectra_frames_within(front, limits->spectra_bytes);
    const bool learns = !dictionary || settings->value[UB_PARAM_FREE] > 0.0;
    const bool is_long = front->n_frames > most;
    const bool whole = (learns || settings->value[UB_PARAM_CONTINUITY] > 0.0) && !is_long;
    fit_plan plan = {is_long, whole, learns, most};
    if (!whole && !learns) {
        plan.n_frames = most < SAMPLED_FRAMES ? most : SAMPLED_FRAMES;
    }
    return plan;
}

// In updates of the activations of one frame.
static const double COST_OF_STEMS = 20.0, COST_OF_READING = 1.0;

double ub_model_share(const ub_front *front, const ub_dictionary *dictionary,
                      const ub_settings *settings, const ub_limits *limits)
{
    const fit_plan plan = plan_fit(front, dictionary, settings, limits);
    const double all = (double)front->n_frames, some = fmin((double)plan.n_frames, all);
    const ub_nmf_settings nmf = ub_schedule_fit(settings, NULL, 0);
    const ub_nmf_settings gains = ub_schedule_gains(settings, &nmf);
    const ub_nmf_settings frames = ub_schedule_frames(settings, &nmf);
    const double updates = plan.whole || plan.learns ? ub_schedule_cost(&nmf, plan.learns)
                                                     : ub_schedule_cost(&gains, true);
    double fit = some * (updates + COST_OF_READING);
    double rest = all * COST_OF_STEMS;
    if (!plan.whole) {
        fit += plan.is_long ? all * COST_OF_READING : 0.0;
        rest += all * ub_schedule_cost(&frames, false);
    }
    return all > 0.0 ? fit / (fit + rest) : 0.0;
}

static ub_status fit(ub_front *front, const ub_dictionary *dictionary, const ub_settings *settings,
                     const ub_limits *limits, const ub_progress *progress, ub_model *model,
                     ub_message *why)
{
    const fit_plan plan = plan_fit(front, dictionary, settings, limits);
    const ub_sampling sampling = {.n_frames = plan.n_frames,
                                  .skip_silence = plan.is_long,
                                  .seed = (uint64_t)settings->value[UB_PARAM_SEED]};
    ub_progress_part parts[2] = {{progress, 0.0, 0.1}, {progress, 0.1, 1.0}};
    const ub_progress reading = ub_progress_of_part(&parts[0]);
    const ub_progress fitting = ub_progress_of_part(&parts[1]);
    ub_matrix *spectra;
    ub_status status = ub_spectra_sample(front, &sampling, &reading, &spectra, why);
    if (status) {
        return status;
    }
    status = dictionary ? fit_with_dictionary(front, dictionary, settings, spectra, &fitting,
                                              plan.whole, model, why)
                        : fit_blind(front, settings, spectra, &fitting, plan.whole, model, why);
    ub_spectra_free(spectra, front->audio->n_channels);
    return status;
}

// Nothing to fit to: names only, so that an empty recording gives empty stems.
static ub_status empty_model(const ub_front *front, const ub_dictionary *dictionary,
                             const ub_settings *settings, ub_model *model)
{
    const size_t n_bins = ub_stft_n_bins(front->stft);
    if (dictionary) {
        return take_dictionary(front, dictionary, settings, 0, model);
    }
    const size_t n_sources = ub_model_blind_sources(settings);
    ub_status status =
        ub_nmf_factors_new(n_bins, 0, front->audio->n_channels, n_sources, &model->factors);
    status = status ? status : allocate_sources(model, n_sources, n_sources);
    for (size_t j = 0; !status && j < n_sources; j++) {
        char name[UB_NAME_SIZE];
        snprintf(name, sizeof name, "source-%u", (unsigned)j + 1u);
        model->component_source[j] = j;
        status = set_name(model, j, name);
    }
    return status;
}

ub_status ub_model_new(ub_front *front, const ub_dictionary *dictionary,
                       const ub_settings *settings, const ub_limits *limits,
                       const ub_progress *progress, ub_model *out, ub_message *why)
{
    ub_model model = {0};
    ub_status status;
    if (front->n_frames == 0) {
        status = empty_model(front, dictionary, settings, &model);
        status = status ? ub_fail(why, status, "no memory for an empty model") : UB_OK;
    } else {
        status = fit(front, dictionary, settings, limits, progress, &model, why);
    }
    if (status) {
        ub_model_free(&model);
        return status;
    }
    *out = model;
    return UB_OK;
}
