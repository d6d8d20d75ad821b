// SPDX-License-Identifier: GPL-3.0-or-later
// Offline separation, built of the stages: transform, fit, mask, resynthesise.
#include "unbraid/separate.h"
#include "ground/progress_part.h"
#include "ground/threads.h"
#include "guided.h"
#include "limits.h"
#include "model.h"
#include "schedule.h"
#include "smoother.h"
#include "spectra.h"
#include "synthesis.h"

#include <string.h>

enum {
    // 4.7 minutes of stereo at 44.1 kHz with the default window, twice as long in mono. It is told
    // in separate.h and in the man page.
    MOST_SPECTRA = 200000000
};

// What is open during a separation, freed in one place.
typedef struct separation {
    ub_dictionary fitted; // the dictionary for this rate and window
    ub_stft *stft;
    ub_context context; // of the dictionary, if it has any
    ub_front front;
    ub_model model;
    ub_masker *masker;
    ub_activator *activator;
    ub_smoother *smoother;
    ub_guided *guided;
} separation;

static void separation_free(separation *s)
{
    ub_guided_free(s->guided);
    ub_smoother_free(s->smoother);
    ub_activator_free(s->activator);
    ub_masker_free(s->masker);
    ub_model_free(&s->model);
    ub_front_free(&s->front);
    ub_context_free(&s->context);
    ub_stft_free(s->stft);
    ub_dictionary_free(&s->fitted);
}

static ub_status check_blind(const ub_settings *settings, ub_message *why)
{
    const double n_components = settings->value[UB_PARAM_COMPONENTS];
    const double n_sources = (double)ub_model_blind_sources(settings);
    if (n_components > 0.0 && n_components < n_sources) {
        return ub_fail(why, UB_BAD_SETTING,
                       "%g components cannot make %g sources; ask for fewer sources or more "
                       "components",
                       n_components, n_sources);
    }
    return UB_OK;
}

// The guide that takes the recording apart, or NULL: then a factorisation does.
static const ub_guide *choose_guide(const ub_dictionary *dictionary, const ub_settings *settings)
{
    const ub_method method = (ub_method)settings->value[UB_PARAM_METHOD];
    if (method == UB_METHOD_AUTO) {
        const bool is_told = dictionary || settings->value[UB_PARAM_SOURCES] > 0.0;
        return ub_guide_of_method(is_told ? UB_METHOD_COMPONENTS : UB_METHOD_BAND);
    }
    return ub_guide_of_method(method);
}

static ub_status check_guide(const ub_guide *guide, const ub_dictionary *dictionary,
                             const ub_settings *settings, ub_message *why)
{
    const ub_method method = (ub_method)settings->value[UB_PARAM_METHOD];
    const char *name = ub_param_table()[UB_PARAM_METHOD].choices[method];
    if (!guide && method > UB_METHOD_COMPONENTS) {
        return ub_fail(why, UB_BAD_SETTING, "there is no method '%s'", name);
    }
    if (guide && guide->needs_dictionary && !dictionary) {
        return ub_fail(why, UB_BAD_SETTING,
                       "the method '%s' needs a dictionary; take one from a preset", name);
    }
    return UB_OK;
}

size_t ub_separate_names(const ub_dictionary *dictionary, const ub_settings *settings,
                         const char *names[UB_DICTIONARY_MAX_SOURCES + 1])
{
    const ub_guide *guide = choose_guide(dictionary, settings);
    const bool is_guides = guide && guide->n_sources > 0;
    size_t n = is_guides ? guide->n_sources : dictionary ? dictionary->n_sources : 0;
    for (size_t j = 0; j < n; j++) {
        names[j] = is_guides ? guide->names[j] : dictionary->source_names[j];
    }
    if (!guide && dictionary && settings->value[UB_PARAM_FREE] > 0.0) {
        names[n++] = ub_model_rest_name(settings);
    }
    return n;
}

static ub_status check_rest(const ub_dictionary *dictionary, const ub_settings *settings,
                            ub_message *why)
{
    const char *rest = ub_model_rest_name(settings);
    ub_status status = ub_name_check(rest, why);
    for (size_t j = 0; !status && j < dictionary->n_sources; j++) {
        if (strcmp(dictionary->source_names[j], rest) == 0) {
            status = ub_fail(why, UB_BAD_VALUE,
                             "the dictionary has a source '%.63s', which is the name of the free "
                             "components; do without free components",
                             rest);
        }
    }
    return status;
}

static ub_status check(const ub_dictionary *dictionary, const ub_settings *settings,
                       ub_message *why)
{
    ub_status status = ub_settings_check(settings, why);
    const ub_guide *guide = status ? NULL : choose_guide(dictionary, settings);
    status = status ? status : check_guide(guide, dictionary, settings, why);
    if (!status && dictionary) {
        status = ub_dictionary_check(dictionary, why);
    }
    if (status || guide || !dictionary) {
        return status || guide ? status : check_blind(settings, why);
    }
    return settings->value[UB_PARAM_FREE] > 0.0 ? check_rest(dictionary, settings, why) : UB_OK;
}

static ub_stft_settings choose_transform(const ub_guide *guide, const ub_dictionary *dictionary,
                                         const ub_settings *settings, double rate_hz)
{
    if (guide && guide->window_ms > 0.0) {
        const double window_ms = ub_settings_value(settings, UB_PARAM_WINDOW_MS, guide->window_ms);
        return ub_stft_settings_for(UB_WINDOW_SQRT_HANN, window_ms,
                                    (size_t)settings->value[UB_PARAM_OVERLAP], rate_hz);
    }
    return ub_model_transform(dictionary, settings, rate_hz);
}

static ub_status open_transform(separation *s, const ub_audio *mix, const ub_dictionary *dictionary,
                                const ub_guide *guide, const ub_settings *settings,
                                const ub_limits *limits, ub_message *why)
{
    const ub_stft_settings stft = choose_transform(guide, dictionary, settings, mix->rate_hz);
    ub_status status = ub_stft_new(&stft, &s->stft, why);
    if (!status && dictionary) {
        status = ub_dictionary_fit(dictionary, mix->rate_hz, stft.size_samples, stft.hop_samples,
                                   &s->fitted, why);
    }
    const bool has_context = s->fitted.context.n_rows > 0 && !guide;
    if (!status && has_context && ub_context_of_dictionary(&s->fitted, &s->context)) {
        status = ub_fail(why, UB_NO_MEMORY, "no memory for the context of templates");
    }
    const size_t n_threads = ub_thread_count((size_t)settings->value[UB_PARAM_THREADS]);
    return status ? status
                  : ub_front_new(mix, s->stft, has_context ? &s->context : NULL,
                                 limits->block_frames, n_threads, &s->front, why);
}

// What computes the activations that the model leaves open.
static ub_status open_activations(separation *s, const ub_limits *limits, ub_message *why)
{
    const ub_model *model = &s->model;
    ub_status status = ub_activator_new(&model->factors.templates, &model->factors.gains,
                                        &model->activation, &s->activator, why);
    if (!status && model->smoothing.continuity > 0.0) {
        status = ub_smoother_new(&s->front, &model->factors, s->activator, &model->smoothing,
                                 ub_spectra_frames_within(&s->front, limits->spectra_bytes),
                                 &s->smoother, why);
    }
    return status;
}

// Sharper masks where the sources are known: those of a blind grouping are often wrong.
static double exponent_for(const separation *s, const ub_settings *settings)
{
    const bool has_dictionary = s->fitted.n_sources > 0;
    return ub_settings_value(settings, UB_PARAM_MASK_EXPONENT, has_dictionary ? 1.3 : 1.0);
}

static ub_matrix mask_templates(const ub_model *model, size_t n_bins)
{
    const bool has_own = model->reconstruction.n_rows > 0;
    ub_matrix view = has_own ? model->reconstruction : model->factors.templates;
    view.n_rows = n_bins;
    return view;
}

// With what the settings ask for after the masks.
static ub_status synthesise(separation *s, ub_recipe recipe, const ub_settings *settings,
                            const ub_progress *progress, double from, const ub_stem_sink *sink,
                            ub_message *why)
{
    recipe.n_rounds = (size_t)settings->value[UB_PARAM_MWF];
    recipe.rank_one = settings->value[UB_PARAM_COVARIANCE] > 0.0;
    return ub_synthesise(&s->front, &recipe, progress, from, sink, why);
}

static ub_status resynthesise(separation *s, const ub_settings *settings, const ub_limits *limits,
                              const ub_progress *progress, double from, const ub_stem_sink *sink,
                              ub_message *why)
{
    const ub_nmf_factors *factors = &s->model.factors;
    const ub_matrix templates = mask_templates(&s->model, ub_stft_n_bins(s->stft));
    const double exponent = exponent_for(s, settings);
    const char *kernels = ub_settings_kernels(settings);
    ub_status status = s->model.shares.n_cols > 0
                           ? ub_masker_new_shared(&templates, &factors->gains, &s->model.shares,
                                                  exponent, kernels, &s->masker, why)
                           : ub_masker_new(&templates, &factors->gains, s->model.component_source,
                                           s->model.n_sources, exponent, kernels, &s->masker, why);
    const bool is_open = factors->activations.n_cols == 0 && s->front.n_frames > 0;
    if (!status && is_open) {
        status = open_activations(s, limits, why);
    }
    if (status) {
        return status;
    }
    const ub_recipe recipe = {
        .masker = s->masker,
        .n_sources = s->model.n_sources,
        .names = (const char *const *)s->model.names,
        .n_components = factors->templates.n_cols,
        .activations = is_open ? NULL : &factors->activations,
        .smoother = s->smoother,
        .activator = s->activator,
    };
    return synthesise(s, recipe, settings, progress, from, sink, why);
}

ub_limits ub_limits_default(void)
{
    return (ub_limits){.block_frames = UB_BLOCK_FRAMES, .spectra_bytes = MOST_SPECTRA};
}

ub_status ub_separate(const ub_audio *mix, const ub_dictionary *dictionary,
                      const ub_settings *settings, const ub_progress *progress,
                      const ub_stem_sink *sink, ub_message *why)
{
    const ub_limits limits = ub_limits_default();
    return ub_separate_within(&limits, mix, dictionary, settings, progress, sink, why);
}

// A guide is asked for masks of stretches whose spectra and masks are within the limits.
static ub_status synthesise_guided(separation *s, const ub_guide *guide,
                                   const ub_dictionary *dictionary, const ub_settings *settings,
                                   const ub_limits *limits, const ub_progress *progress,
                                   const ub_stem_sink *sink, ub_message *why)
{
    const size_t n_sources = guide->n_sources ? guide->n_sources : dictionary->n_sources;
    const char *const *names =
        guide->n_sources ? guide->names : (const char *const *)dictionary->source_names;
    const ub_scene scene = {.dictionary = dictionary ? &s->fitted : NULL, .settings = settings};
    const size_t n_bytes = limits->spectra_bytes / (n_sources + 1);
    ub_status status = ub_guided_new(&s->front, guide, &scene, n_sources,
                                     ub_spectra_frames_within(&s->front, n_bytes), &s->guided, why);
    const ub_recipe recipe = {.guided = s->guided, .n_sources = n_sources, .names = names};
    return status ? status : synthesise(s, recipe, settings, progress, 0.0, sink, why);
}

ub_status ub_separate_by_guide(const ub_limits *limits, const ub_audio *mix, const ub_guide *guide,
                               const ub_dictionary *dictionary, const ub_settings *settings,
                               const ub_progress *progress, const ub_stem_sink *sink,
                               ub_message *why)
{
    separation s = {0};
    ub_status status = open_transform(&s, mix, dictionary, guide, settings, limits, why);
    status = status
                 ? status
                 : synthesise_guided(&s, guide, dictionary, settings, limits, progress, sink, why);
    separation_free(&s);
    return status;
}

ub_status ub_separate_within(const ub_limits *limits, const ub_audio *mix,
                             const ub_dictionary *dictionary, const ub_settings *settings,
                             const ub_progress *progress, const ub_stem_sink *sink, ub_message *why)
{
    const ub_settings standard = ub_settings_default();
    settings = settings ? settings : &standard;
    separation s = {0};
    ub_status status = check(dictionary, settings, why);
    const ub_guide *guide = status ? NULL : choose_guide(dictionary, settings);
    if (guide) {
        return ub_separate_by_guide(limits, mix, guide, dictionary, settings, progress, sink, why);
    }
    status = status ? status : open_transform(&s, mix, dictionary, NULL, settings, limits, why);
    if (!status) {
        const ub_dictionary *fitted = dictionary ? &s.fitted : NULL;
        const double share = ub_model_share(&s.front, fitted, settings, limits);
        ub_progress_part part = {progress, 0.0, share};
        const ub_progress fitting = ub_progress_of_part(&part);
        status = ub_model_new(&s.front, fitted, settings, limits, &fitting, &s.model, why);
        status = status ? status : resynthesise(&s, settings, limits, progress, share, sink, why);
    }
    separation_free(&s);
    return status;
}
