// SPDX-License-Identifier: GPL-3.0-or-later
#include "reconstruction.h"
#include "factor/norm.h"
#include "ground/floats.h"
#include "ground/progress_part.h"
#include "ground/threads.h"
#include "schedule.h"
#include "spectra.h"
#include "team.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_FRAMES = 4000, // 93 s at the default window
    UPDATES = 30
};

// ---- mixes -------------------------------------------------------------------------------------

// Sources as one signal of one channel. A source shorter than the longest is repeated.
typedef struct choir {
    const ub_training *sources;
    size_t first, n; // which of them sing
    float *channels[UB_NMF_MAX_CHANNELS]; // room for what is read
    size_t room;
} choir;

static size_t length_of(const ub_training *source)
{
    size_t n = 0;
    for (size_t i = 0; i < source->n_audio; i++) {
        n += source->audio[i].n_samples;
    }
    return n;
}

static size_t longest_of(const ub_training *sources, size_t n)
{
    size_t longest = 0;
    for (size_t j = 0; j < n; j++) {
        const size_t length = length_of(&sources[j]);
        longest = length > longest ? length : longest;
    }
    return longest;
}

// Add some samples of a recording, the mean of its channels, to `to`.
static ub_status add_recording(choir *c, const ub_audio *audio, size_t first, size_t n, float *to,
                               ub_message *why)
{
    const ub_status status = audio->read(audio->context, first, n, c->channels, why);
    const float share = 1.0f / (float)audio->n_channels;
    for (size_t i = 0; !status && i < audio->n_channels; i++) {
        for (size_t t = 0; t < n; t++) {
            to[t] += share * c->channels[i][t];
        }
    }
    return status;
}

// Samples [first, first + n) of a source that goes on for ever.
static ub_status add_source(choir *c, const ub_training *source, size_t first, size_t n, float *to,
                            ub_message *why)
{
    const size_t length = length_of(source);
    ub_status status = UB_OK;
    for (size_t done = 0; !status && done < n && length > 0;) {
        size_t at = (first + done) % length, i = 0;
        while (at >= source->audio[i].n_samples) {
            at -= source->audio[i++].n_samples;
        }
        const size_t rest = source->audio[i].n_samples - at;
        size_t some = n - done < rest ? n - done : rest;
        some = some < c->room ? some : c->room;
        status = add_recording(c, &source->audio[i], at, some, to + done, why);
        done += some;
    }
    return status;
}

static ub_status read_choir(void *context, size_t first, size_t n, float *const *channels,
                            ub_message *why)
{
    choir *c = context;
    ub_status status = UB_OK;
    memset(channels[0], 0, n * sizeof(float));
    for (size_t j = c->first; !status && j < c->first + c->n; j++) {
        status = add_source(c, &c->sources[j], first, n, channels[0], why);
    }
    return status;
}

// ---- fits --------------------------------------------------------------------------------------

typedef struct lesson {
    const ub_training *sources;
    const ub_stft *stft;
    const ub_context *context;
    const ub_settings *settings;
    ub_dictionary *dictionary;
    size_t n_threads, n_samples;
    choir choir;
    ub_matrix activations; // K x T, of the mix
    ub_matrix reconstruction;
} lesson;

static ub_status lesson_new(lesson *l)
{
    l->choir.sources = l->sources;
    l->choir.room = 1 << 16;
    for (size_t c = 0; c < UB_NMF_MAX_CHANNELS; c++) {
        l->choir.channels[c] = NULL;
    }
    size_t n_channels = 0;
    for (size_t j = 0; j < l->dictionary->n_sources; j++) {
        for (size_t i = 0; i < l->sources[j].n_audio; i++) {
            const size_t n = l->sources[j].audio[i].n_channels;
            n_channels = n > n_channels ? n : n_channels;
        }
    }
    for (size_t c = 0; c < n_channels; c++) {
        l->choir.channels[c] = ub_floats_new(l->choir.room);
        if (!l->choir.channels[c]) {
            return UB_NO_MEMORY;
        }
    }
    return UB_OK;
}

static void lesson_free(lesson *l)
{
    for (size_t c = 0; c < UB_NMF_MAX_CHANNELS; c++) {
        free(l->choir.channels[c]);
    }
    ub_matrix_free(&l->activations);
    ub_matrix_free(&l->reconstruction);
}

// The same frames for every choir, as the choice depends on the length alone.
static ub_status hear(lesson *l, size_t first, size_t n, const ub_context *context,
                      const ub_progress *progress, ub_matrix **spectra, ub_message *why)
{
    l->choir.first = first;
    l->choir.n = n;
    const ub_audio audio = {.rate_hz = l->dictionary->rate_hz,
                            .n_channels = 1,
                            .n_samples = l->n_samples,
                            .read = read_choir,
                            .context = &l->choir};
    const ub_sampling sampling = {.n_frames = MOST_FRAMES,
                                  .seed = (uint64_t)l->settings->value[UB_PARAM_SEED]};
    ub_front front;
    ub_status status =
        ub_front_new(&audio, l->stft, context, UB_BLOCK_FRAMES, l->n_threads, &front, why);
    if (!status) {
        status = ub_spectra_sample(&front, &sampling, progress, spectra, why);
        ub_front_free(&front);
    }
    return status;
}

static ub_status stack_templates(const lesson *l, size_t n_rows, ub_matrix *stacked)
{
    const ub_dictionary *d = l->dictionary;
    if (ub_matrix_new(n_rows, d->templates.n_cols, stacked)) {
        return UB_NO_MEMORY;
    }
    for (size_t k = 0; k < d->templates.n_cols; k++) {
        ub_context_stack(l->context, d, k, ub_matrix_column(stacked, k));
    }
    return UB_OK;
}

static ub_matrix ones(size_t n, ub_status *status)
{
    ub_matrix gains = {0};
    *status = ub_matrix_new(1, n, &gains);
    for (size_t k = 0; !*status && k < n; k++) {
        *ub_matrix_column(&gains, k) = 1.0f;
    }
    return gains;
}

static ub_status activate(lesson *l, const ub_matrix *mix, ub_message *why)
{
    const size_t n = l->dictionary->templates.n_cols;
    const ub_nmf_settings fit = ub_schedule_fit(l->settings, mix, 1);
    ub_nmf_settings frames = ub_schedule_frames(l->settings, &fit);
    frames.n_others = mix->n_rows - l->dictionary->templates.n_rows;
    ub_matrix templates = {0};
    ub_activator *activator = NULL;
    ub_team team = {0};
    ub_status status;
    ub_matrix gains = ones(n, &status);
    status = status ? status : stack_templates(l, mix->n_rows, &templates);
    status = status ? status : ub_matrix_new(n, mix->n_cols, &l->activations);
    status = status ? status : ub_activator_new(&templates, &gains, &frames, &activator, why);
    status = status ? status : ub_team_new(activator, l->n_threads, &team);
    if (!status) {
        ub_team_run(&team, mix, mix->n_cols, &l->activations);
    }
    ub_team_free(&team);
    ub_activator_free(activator);
    ub_matrix_free(&templates);
    ub_matrix_free(&gains);
    return status;
}

// Templates of one source for the masks: its activations stay those of the mix.
static ub_status fit_source(const lesson *l, size_t source, const ub_matrix *alone,
                            const ub_progress *progress, ub_message *why)
{
    const ub_dictionary *d = l->dictionary;
    size_t first = 0, n = 0;
    while (d->component_source[first] != source) {
        first++;
    }
    while (first + n < d->templates.n_cols && d->component_source[first + n] == source) {
        n++;
    }
    ub_nmf_factors factors;
    if (ub_nmf_factors_new(alone->n_rows, alone->n_cols, 1, n, &factors)) {
        return UB_NO_MEMORY;
    }
    bool held[UB_DICTIONARY_MAX_COMPONENTS];
    for (size_t k = 0; k < n; k++) {
        held[k] = true;
        *ub_matrix_column(&factors.gains, k) = 1.0f;
        memcpy(ub_matrix_column(&factors.templates, k), ub_matrix_column(&d->templates, first + k),
               alone->n_rows * sizeof(float));
    }
    for (size_t t = 0; t < alone->n_cols; t++) {
        memcpy(ub_matrix_column(&factors.activations, t),
               ub_matrix_column(&l->activations, t) + first, n * sizeof(float));
    }
    const ub_nmf_constraints constraints = {.fixed_activations = held, .fixed_gains = held};
    ub_nmf_settings nmf = ub_schedule_fit(l->settings, NULL, 0);
    nmf.n_coarse_iterations = 0;
    nmf.n_iterations = UPDATES;
    ub_status status = ub_nmf_fit(alone, 1, &nmf, &constraints, progress, &factors, NULL, why);
    for (size_t k = 0; !status && k < n; k++) {
        memcpy(ub_matrix_column(&l->reconstruction, first + k),
               ub_matrix_column(&factors.templates, k), alone->n_rows * sizeof(float));
    }
    ub_nmf_factors_free(&factors);
    return status;
}

static ub_status teach(lesson *l, const ub_progress *progress, ub_message *why)
{
    const size_t n_sources = l->dictionary->n_sources;
    const double step = 1.0 / (double)(n_sources + 1);
    ub_matrix *spectra;
    ub_progress_part part = {progress, 0.0, step};
    ub_progress listening = ub_progress_of_part(&part);
    ub_status status = hear(l, 0, n_sources, l->context, &listening, &spectra, why);
    if (status) {
        return status;
    }
    status = activate(l, spectra, why);
    ub_spectra_free(spectra, 1);
    for (size_t j = 0; !status && j < n_sources; j++) {
        part = (ub_progress_part){progress, step * (double)(j + 1), step * (double)(j + 2)};
        status = hear(l, j, 1, NULL, &listening, &spectra, why);
        if (!status) {
            status = fit_source(l, j, spectra, &listening, why);
            ub_spectra_free(spectra, 1);
        }
    }
    return status;
}

ub_status ub_learn_reconstruction(const ub_training *sources, const ub_stft *stft,
                                  const ub_context *context, const ub_settings *settings,
                                  const ub_progress *progress, ub_dictionary *dictionary,
                                  ub_message *why)
{
    lesson l = {.sources = sources,
                .stft = stft,
                .context = context,
                .settings = settings,
                .dictionary = dictionary,
                .n_threads = ub_thread_count((size_t)settings->value[UB_PARAM_THREADS]),
                .n_samples = longest_of(sources, dictionary->n_sources)};
    ub_status status = lesson_new(&l);
    status = status ? status
                    : ub_matrix_new(dictionary->templates.n_rows, dictionary->templates.n_cols,
                                    &l.reconstruction);
    status = status ? status : teach(&l, progress, why);
    if (status == UB_NO_MEMORY) {
        ub_fail(why, status, "no memory for reconstruction templates");
    }
    if (!status) {
        dictionary->reconstruction = l.reconstruction;
        l.reconstruction = (ub_matrix){0};
    }
    lesson_free(&l);
    return status;
}
