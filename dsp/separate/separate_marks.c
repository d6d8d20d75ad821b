// SPDX-License-Identifier: GPL-3.0-or-later
// A factorisation of the whole recording, or of a sample of it where it is long; then the regions
// are read for what its components are there. Masks come stretch by stretch from templates that
// all stretches share, so that marks in one of them hold for the others.
#include "unbraid/separate_marks.h"
#include "ground/number.h"
#include "ground/progress_part.h"
#include "ground/threads.h"
#include "grouping.h"
#include "guide/marks.h"
#include "guide/struck.h"
#include "guided.h"
#include "model.h"
#include "spectra.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FRAMES = 1024 }; // of a region that are read at a time

static const double SHARE_OF_FIT = 0.6; // of the time
static const double PLACE_SHARPNESS = 2.0;

// ---- what is asked for -------------------------------------------------------------------------

static size_t distinct_names(const ub_mark *marks, size_t n,
                             const char *names[UB_DICTIONARY_MAX_SOURCES + 1])
{
    size_t n_names = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_new = true;
        for (size_t j = 0; j < i && is_new; j++) {
            is_new = strcmp(marks[j].name, marks[i].name) != 0;
        }
        if (is_new && n_names < UB_DICTIONARY_MAX_SOURCES) {
            names[n_names] = marks[i].name;
        }
        n_names += is_new;
    }
    return n_names;
}

size_t ub_marks_names(const ub_mark *marks, size_t n, const ub_settings *settings,
                      const char *names[UB_DICTIONARY_MAX_SOURCES + 1])
{
    size_t n_names = distinct_names(marks, n, names);
    if (n_names == 1) {
        names[n_names++] = ub_model_rest_name(settings);
    }
    return n_names;
}

static ub_status check_region(const ub_mark *mark, double seconds, ub_message *why)
{
    if (!(mark->from_s >= 0.0 && mark->from_s < mark->to_s && mark->low_hz >= 0.0 &&
          mark->low_hz < mark->high_hz)) {
        return ub_fail(why, UB_BAD_VALUE, "a mark of '%.63s' is empty", mark->name);
    }
    if (mark->from_s >= seconds) {
        return ub_fail(why, UB_BAD_VALUE,
                       "a mark of '%.63s' begins at %.3f s, but the recording ends at %.3f s",
                       mark->name, mark->from_s, seconds);
    }
    return UB_OK;
}

static ub_status check_position(const ub_mark *mark, size_t n_channels, ub_message *why)
{
    if (n_channels != 2) {
        return ub_fail(why, UB_BAD_SHAPE, "'%.63s' has a position, but the recording is not stereo",
                       mark->name);
    }
    return ub_in_range(mark->position, -100.0, 100.0)
               ? UB_OK
               : ub_fail(why, UB_BAD_VALUE,
                         "the position of '%.63s' is %g, but must be from -100 to 100", mark->name,
                         mark->position);
}

static ub_status check(const ub_audio *mix, const ub_mark *marks, size_t n,
                       const ub_settings *settings, ub_message *why)
{
    const char *names[UB_DICTIONARY_MAX_SOURCES + 1];
    ub_status status = ub_settings_check(settings, why);
    if (!status && !ub_in_range(mix->rate_hz, 1000.0, 1e6)) {
        status = ub_fail(why, UB_BAD_SHAPE, "the audio has a rate of %g Hz", mix->rate_hz);
    }
    const double seconds = status ? 0.0 : (double)mix->n_samples / mix->rate_hz;
    for (size_t i = 0; !status && i < n; i++) {
        status = ub_name_check(marks[i].name, why);
        if (!status) {
            status = marks[i].kind == UB_MARK_REGION
                         ? check_region(&marks[i], seconds, why)
                         : check_position(&marks[i], mix->n_channels, why);
        }
    }
    if (!status && (n == 0 || distinct_names(marks, n, names) > UB_DICTIONARY_MAX_SOURCES)) {
        status = ub_fail(why, UB_BAD_VALUE, "marks must be of 1 to %d sources",
                         UB_DICTIONARY_MAX_SOURCES);
    }
    if (!status && distinct_names(marks, n, names) == 1 &&
        strcmp(names[0], ub_model_rest_name(settings)) == 0) {
        status = ub_fail(why, UB_BAD_VALUE, "'%.63s' is all else, and must not be marked alone",
                         names[0]);
    }
    return status;
}

// ---- shares of components ----------------------------------------------------------------------

// What is open until there is a guide, freed in one place.
typedef struct listening {
    ub_stft *stft;
    ub_front front;
    ub_nmf_factors factors;
    ub_matrix *priors; // of the sources
    size_t n_priors;
    ub_matrix positions, weights; // n_sources x K
    double *regions, *whole; // n_sources x K, K
} listening;

static void listening_free(listening *l)
{
    ub_spectra_free(l->priors, l->n_priors);
    ub_nmf_factors_free(&l->factors);
    ub_front_free(&l->front);
    ub_stft_free(l->stft);
    ub_matrix_free(&l->positions);
    ub_matrix_free(&l->weights);
    free(l->regions);
    free(l->whole);
}

static ub_status allocate(const ub_marking *marking, size_t n_frames, listening *l)
{
    const size_t n_k = l->factors.templates.n_cols, n = marking->n_sources;
    l->n_priors = n;
    l->priors = calloc(n, sizeof *l->priors);
    l->regions = calloc(n * n_k, sizeof *l->regions);
    l->whole = calloc(n_k, sizeof *l->whole);
    ub_status status = l->priors && l->regions && l->whole ? UB_OK : UB_NO_MEMORY;
    status = status ? status : ub_matrix_new(n, n_k, &l->positions);
    status = status ? status : ub_matrix_new(n, n_k, &l->weights);
    for (size_t j = 0; !status && j < n; j++) {
        status = ub_matrix_new(l->factors.templates.n_rows, n_frames, &l->priors[j]);
    }
    return status;
}

// What components have in all of the recording: their templates and gains sum to one.
static void hear_whole(listening *l)
{
    const ub_matrix *activations = &l->factors.activations;
    for (size_t t = 0; t < activations->n_cols; t++) {
        for (size_t k = 0; k < activations->n_rows; k++) {
            l->whole[k] += (double)ub_matrix_column(activations, t)[k];
        }
    }
}

static void set_box(const ub_scene *scene, const ub_mark *mark, ub_matrix *prior)
{
    size_t low, high;
    ub_marks_bins(scene, mark, &low, &high);
    for (size_t t = 0; t < prior->n_cols; t++) {
        float *column = ub_matrix_column(prior, t);
        for (size_t f = 0; f < prior->n_rows; f++) {
            column[f] = f >= low && f < high ? 1.0f : 0.0f;
        }
    }
}

// Frames of a region: what each component has of its bins is added to those of a source.
static ub_status hear_frames(listening *l, const ub_marking *marking, const ub_mark *mark,
                             const ub_settings *settings, size_t first, size_t n, double *amounts,
                             ub_message *why)
{
    const size_t n_k = marking->templates->n_cols;
    ub_nmf_factors factors = {.templates = l->factors.templates, .gains = l->factors.gains};
    ub_matrix *spectra = NULL, box = {0};
    double *some = calloc(n_k, sizeof *some);
    ub_status status = some ? UB_OK : UB_NO_MEMORY;
    status = status ? status : ub_matrix_new(n_k, n, &factors.activations);
    status = status ? status : ub_matrix_new(l->factors.templates.n_rows, n, &box);
    status = status ? ub_fail(why, status, "no memory for what is marked") : UB_OK;
    status = status ? status : ub_spectra_new(&l->front, n, &spectra, why);
    status = status ? status : ub_spectra_read(&l->front, first, n, NULL, spectra, 0, why);
    if (!status) {
        const ub_scene scene = ub_front_scene(&l->front, settings, spectra);
        set_box(&scene, mark, &box);
        status = ub_marks_activate(marking, &scene, NULL, &factors.activations, why);
        status = status ? status : ub_prior_amounts(&scene, &factors, &box, 1, some);
    }
    for (size_t k = 0; !status && k < n_k; k++) {
        amounts[k] += some[k];
    }
    ub_spectra_free(spectra, l->front.audio->n_channels);
    ub_matrix_free(&factors.activations);
    ub_matrix_free(&box);
    free(some);
    return status;
}

static ub_status hear_regions(listening *l, const ub_marking *marking, const ub_settings *settings,
                              ub_message *why)
{
    const ub_scene whole = ub_front_scene(&l->front, settings, NULL);
    for (size_t i = 0; i < marking->n_marks; i++) {
        const ub_mark *mark = &marking->marks[i];
        size_t source = 0, first = 0, end = 0;
        while (strcmp(marking->names[source], mark->name) != 0) {
            source++;
        }
        if (mark->kind == UB_MARK_REGION) {
            ub_marks_frames(&whole, mark, &first, &end);
        }
        for (size_t at = first; at < end; at += MOST_FRAMES) {
            const size_t n = end - at < MOST_FRAMES ? end - at : MOST_FRAMES;
            double *amounts = l->regions + source * marking->templates->n_cols;
            const ub_status status = hear_frames(l, marking, mark, settings, at, n, amounts, why);
            if (status) {
                return status;
            }
        }
    }
    return UB_OK;
}

// How much there is of a component: what is in no region tells nothing, unless there is a source
// that has none.
static void find_trust(const listening *l, const ub_marking *marking, double *trust)
{
    const size_t n_k = marking->templates->n_cols;
    const bool is_told = ub_marks_leave_some(marking);
    for (size_t k = 0; k < n_k; k++) {
        double marked = 0.0;
        for (size_t j = 0; j < marking->n_sources; j++) {
            marked += ub_marks_share(l->regions + j * n_k, n_k, k);
        }
        const double usual = (double)marking->n_sources * ub_marks_share(l->whole, n_k, k);
        trust[k] = l->whole[k] * (is_told ? 1.0 : marked / (marked + usual + 1e-30));
    }
}

static ub_status spread(listening *l, const ub_marking *marking, const ub_scene *scene)
{
    const size_t n_k = marking->templates->n_cols;
    double *apart = calloc(n_k * n_k, sizeof *apart), *trust = calloc(n_k, sizeof *trust);
    float *struck = calloc(n_k, sizeof *struck);
    ub_status status = apart && trust && struck ? UB_OK : UB_NO_MEMORY;
    status = status ? status : ub_struck_shares(scene, &l->factors, struck);
    status = status ? status
                    : ub_group_distances(&l->factors, struck,
                                         scene->rate_hz / (double)scene->size_samples,
                                         (double)scene->hop_samples / scene->rate_hz, apart);
    if (!status) {
        find_trust(l, marking, trust);
        status = ub_marks_spread(apart, trust, &l->weights);
    }
    free(apart);
    free(trust);
    free(struck);
    return status;
}

static ub_status share_out(listening *l, ub_marking *marking, const ub_scene *scene,
                           ub_message *why)
{
    if (allocate(marking, scene->spectra[0].n_cols, l)) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for what is marked");
    }
    hear_whole(l);
    ub_marks_positions(marking, scene, l->priors);
    ub_status status = ub_prior_weigh(scene, &l->factors, l->priors, marking->n_sources,
                                      PLACE_SHARPNESS, &l->positions);
    status = status ? ub_fail(why, status, "no memory to share out components")
                    : hear_regions(l, marking, scene->settings, why);
    if (!status) {
        ub_marks_weigh(marking, l->regions, &l->positions, l->whole, &l->weights);
        status = spread(l, marking, scene);
        marking->weights = &l->weights;
    }
    return status;
}

// Factorise, and share the components out.
static ub_status listen(listening *l, const ub_audio *mix, const ub_limits *limits,
                        const ub_settings *settings, const ub_progress *progress,
                        ub_marking *marking, ub_message *why)
{
    const ub_stft_settings transform = ub_model_transform(NULL, settings, mix->rate_hz);
    ub_status status = ub_stft_new(&transform, &l->stft, why);
    const size_t n_threads = ub_thread_count((size_t)settings->value[UB_PARAM_THREADS]);
    status =
        status ? status
               : ub_front_new(mix, l->stft, NULL, limits->block_frames, n_threads, &l->front, why);
    if (status) {
        return status;
    }
    const ub_sampling sampling = {.n_frames =
                                      ub_spectra_frames_within(&l->front, limits->spectra_bytes),
                                  .skip_silence = true,
                                  .seed = (uint64_t)settings->value[UB_PARAM_SEED]};
    ub_matrix *spectra = NULL;
    status = ub_spectra_sample(&l->front, &sampling, progress, &spectra, why);
    if (status) {
        return status;
    }
    const ub_scene scene = ub_front_scene(&l->front, settings, spectra);
    status = ub_prior_factorise(&scene, progress, &l->factors, why);
    marking->templates = &l->factors.templates;
    marking->gains = &l->factors.gains;
    status = status ? status : share_out(l, marking, &scene, why);
    ub_spectra_free(spectra, mix->n_channels);
    return status;
}

ub_status ub_separate_marks(const ub_audio *mix, const ub_mark *marks, size_t n,
                            const ub_settings *settings, const ub_progress *progress,
                            const ub_stem_sink *sink, ub_message *why)
{
    const ub_limits limits = ub_limits_default();
    return ub_separate_marks_within(&limits, mix, marks, n, settings, progress, sink, why);
}

ub_status ub_separate_marks_within(const ub_limits *limits, const ub_audio *mix,
                                   const ub_mark *marks, size_t n, const ub_settings *settings,
                                   const ub_progress *progress, const ub_stem_sink *sink,
                                   ub_message *why)
{
    const ub_settings standard = ub_settings_default();
    settings = settings ? settings : &standard;
    ub_status status = check(mix, marks, n, settings, why);
    if (status) {
        return status;
    }
    const char *names[UB_DICTIONARY_MAX_SOURCES + 1];
    ub_marking marking = {.marks = marks,
                          .n_marks = n,
                          .names = names,
                          .n_sources = ub_marks_names(marks, n, settings, names)};
    ub_progress_part parts[2] = {{progress, 0.0, SHARE_OF_FIT}, {progress, SHARE_OF_FIT, 1.0}};
    const ub_progress fitting = ub_progress_of_part(&parts[0]);
    const ub_progress making = ub_progress_of_part(&parts[1]);
    listening l = {0};
    status = listen(&l, mix, limits, settings, &fitting, &marking, why);
    const ub_guide guide = ub_marks_guide(&marking);
    status = status ? status
                    : ub_separate_by_guide(limits, mix, &guide, NULL, settings, &making, sink, why);
    listening_free(&l);
    return status;
}
