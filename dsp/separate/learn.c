// SPDX-License-Identifier: GPL-3.0-or-later
// Templates of sources from recordings in which they play alone.
#include "ground/progress_part.h"
#include "ground/threads.h"
#include "model.h"
#include "reconstruction.h"
#include "schedule.h"
#include "spectra.h"
#include "unbraid/nmf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEARN_COMPONENTS = 40, // per source: more make sources steal from each other
    MOST_FRAMES = 20000 // per source; more are thinned out evenly
};

// Templates say how spectra change by their context: a longer window than that of other methods
// tells notes apart.
static const double WINDOW_MS = 140.0;

// Frames more than 60 dB below the loudest are noise, not sound.
static const float QUIET = 1e-3f;

// Frames of all recordings of a source, of all channels, one after the other.
typedef struct frame_heap {
    ub_matrix frames;
    size_t n; // in use
    size_t every; // one frame in so many is kept
    size_t seen;
} frame_heap;

static void add_block(ub_front *front, frame_heap *heap, size_t n, ub_matrix *block)
{
    ub_front_magnitudes(front, n, block, 0);
    for (size_t i = 0; i < n; i++) {
        const bool keep = heap->seen++ % heap->every == 0;
        for (size_t c = 0; keep && c < front->audio->n_channels; c++) {
            if (heap->n < heap->frames.n_cols) {
                memcpy(ub_matrix_column(&heap->frames, heap->n++), ub_matrix_column(&block[c], i),
                       heap->frames.n_rows * sizeof(float));
            }
        }
    }
}

// What frames are made with.
typedef struct analysis {
    const ub_stft *stft;
    const ub_context *context; // or NULL
    size_t n_threads;
} analysis;

static ub_status add_recording(const ub_audio *audio, const analysis *how,
                               const ub_progress *progress, frame_heap *heap, ub_message *why)
{
    ub_front front;
    ub_status status =
        ub_front_new(audio, how->stft, how->context, UB_BLOCK_FRAMES, how->n_threads, &front, why);
    if (status) {
        return status;
    }
    ub_matrix *block = NULL;
    status = ub_spectra_new(&front, UB_BLOCK_FRAMES, &block, why);
    for (size_t first = 0; !status && first < front.n_frames; first += UB_BLOCK_FRAMES) {
        const size_t rest = front.n_frames - first;
        const size_t n = rest < UB_BLOCK_FRAMES ? rest : UB_BLOCK_FRAMES;
        status = ub_progress_report(progress, "analyse", (double)first / (double)front.n_frames);
        ub_progress_stage(progress, "read");
        status = status ? status : ub_front_read(&front, first, n, why);
        ub_progress_stage(progress, "analyse");
        if (!status) {
            add_block(&front, heap, n, block);
        }
    }
    ub_spectra_free(block, audio->n_channels);
    ub_front_free(&front);
    return status;
}

static double squares_of(const ub_matrix *matrix, size_t col)
{
    const float *column = ub_matrix_column(matrix, col);
    double squares = 0.0;
    for (size_t f = 0; f < matrix->n_rows; f++) {
        squares += (double)column[f] * (double)column[f];
    }
    return squares;
}

// Close up over quiet frames.
static void drop_quiet(frame_heap *heap)
{
    double loudest = 0.0;
    for (size_t i = 0; i < heap->n; i++) {
        loudest = fmax(loudest, squares_of(&heap->frames, i));
    }
    size_t kept = 0;
    for (size_t i = 0; i < heap->n; i++) {
        const double squares = squares_of(&heap->frames, i);
        if (squares > 0.0 && squares >= loudest * (double)QUIET * (double)QUIET) {
            memmove(ub_matrix_column(&heap->frames, kept++), ub_matrix_column(&heap->frames, i),
                    heap->frames.n_rows * sizeof(float));
        }
    }
    heap->n = kept;
}

static ub_status check_length(const ub_training *source, const ub_stft *stft, ub_message *why)
{
    const size_t window = ub_stft_get_settings(stft)->size_samples;
    size_t longest = 0;
    for (size_t i = 0; i < source->n_audio; i++) {
        const size_t n = source->audio[i].n_samples;
        longest = n > longest ? n : longest;
    }
    if (longest < window) {
        return ub_fail(why, UB_BAD_VALUE,
                       "source '%.63s' is shorter than one window of %zu samples; give a longer "
                       "recording",
                       source->name, window);
    }
    return UB_OK;
}

static size_t rows_of(const analysis *how)
{
    const size_t n_bins = ub_stft_n_bins(how->stft);
    return how->context ? ub_context_rows(how->context, n_bins) : n_bins;
}

static ub_status gather(const ub_training *source, const analysis *how, const ub_progress *progress,
                        frame_heap *out, ub_message *why)
{
    const ub_stft *stft = how->stft;
    size_t n_frames = 0, n_columns = 0;
    for (size_t i = 0; i < source->n_audio; i++) {
        const ub_audio *audio = &source->audio[i];
        n_frames += ub_stft_n_frames(stft, audio->n_samples);
        n_columns += ub_stft_n_frames(stft, audio->n_samples) * audio->n_channels;
    }
    frame_heap heap = {.every = (n_columns + MOST_FRAMES - 1) / MOST_FRAMES};
    heap.every = heap.every ? heap.every : 1;
    const size_t room = n_columns < MOST_FRAMES ? n_columns : MOST_FRAMES;
    ub_status status = ub_matrix_new(rows_of(how), room, &heap.frames);
    if (status) {
        return ub_fail(why, status, "no memory for %zu frames", room);
    }
    size_t done = 0;
    for (size_t i = 0; !status && i < source->n_audio; i++) {
        const size_t n = ub_stft_n_frames(stft, source->audio[i].n_samples);
        const double all = n_frames ? (double)n_frames : 1.0;
        ub_progress_part part = {progress, (double)done / all, (double)(done + n) / all};
        const ub_progress reading = ub_progress_of_part(&part);
        status = add_recording(&source->audio[i], how, &reading, &heap, why);
        done += n;
    }
    drop_quiet(&heap);
    if (!status && heap.n == 0) {
        status =
            ub_fail(why, UB_BAD_VALUE,
                    "source '%.63s' is silent throughout; give a recording of it", source->name);
    }
    if (status) {
        ub_matrix_free(&heap.frames);
        return status;
    }
    *out = heap;
    return UB_OK;
}

static ub_status take_templates(const analysis *how, const ub_matrix *learned, size_t first,
                                ub_dictionary *dictionary)
{
    ub_status status = UB_OK;
    for (size_t k = 0; !status && k < learned->n_cols; k++) {
        const float *column = ub_matrix_column(learned, k);
        if (how->context) {
            status = ub_context_unstack(how->context, column, first + k, dictionary);
        } else {
            memcpy(ub_matrix_column(&dictionary->templates, first + k), column,
                   learned->n_rows * sizeof(float));
        }
    }
    return status;
}

static ub_status fit_source(const ub_matrix *spectra, const analysis *how,
                            const ub_settings *settings, size_t n_components, size_t first,
                            const ub_progress *progress, ub_dictionary *dictionary, ub_message *why)
{
    ub_nmf_factors factors;
    ub_nmf_settings nmf = ub_schedule_learning(settings, spectra, 1);
    nmf.continuity = 0.0; // frames of several recordings and channels are not in time
    ub_status status =
        ub_nmf_factors_new(spectra->n_rows, spectra->n_cols, 1, n_components, &factors);
    if (status) {
        return ub_fail(why, status, "no memory for %zu templates", n_components);
    }
    ub_progress_stage(progress, "start");
    status = ub_nmf_start((ub_start)settings->value[UB_PARAM_INIT], spectra, 1,
                          (uint64_t)settings->value[UB_PARAM_SEED], NULL, &factors, why);
    status = status ? status : ub_nmf_fit(spectra, 1, &nmf, NULL, progress, &factors, NULL, why);
    if (!status && take_templates(how, &factors.templates, first, dictionary)) {
        status = ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates", n_components);
    }
    ub_nmf_factors_free(&factors);
    return status;
}

static ub_status learn_source(const ub_training *source, const analysis *how,
                              const ub_settings *settings, size_t n_components, size_t first,
                              const ub_progress *progress, ub_dictionary *dictionary,
                              ub_message *why)
{
    ub_progress_part parts[2] = {{progress, 0.0, 0.2}, {progress, 0.2, 1.0}};
    const ub_progress reading = ub_progress_of_part(&parts[0]);
    const ub_progress fitting = ub_progress_of_part(&parts[1]);
    frame_heap heap;
    ub_status status = check_length(source, how->stft, why);
    status = status ? status : gather(source, how, &reading, &heap, why);
    if (status) {
        return status;
    }
    ub_matrix spectra = heap.frames; // a view of the columns in use
    spectra.n_cols = heap.n;
    status = fit_source(&spectra, how, settings, n_components, first, &fitting, dictionary, why);
    ub_matrix_free(&heap.frames);
    return status;
}

static char *copy_text(const char *text)
{
    text = text ? text : "";
    char *copy = malloc(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}

static ub_status name_sources(const ub_training *sources, size_t each, ub_dictionary *dictionary)
{
    for (size_t j = 0; j < dictionary->n_sources; j++) {
        dictionary->source_names[j] = copy_text(sources[j].name);
        if (!dictionary->source_names[j]) {
            return UB_NO_MEMORY;
        }
        for (size_t k = 0; k < each; k++) {
            dictionary->component_source[j * each + k] = j;
        }
    }
    return UB_OK;
}

static ub_status new_dictionary(const ub_training *sources, size_t n_sources, size_t each,
                                const analysis *how, const char *licence, const char *origin,
                                ub_dictionary *out)
{
    const ub_stft_settings *s = ub_stft_get_settings(how->stft);
    const size_t n_bins = ub_stft_n_bins(how->stft), n = n_sources * each;
    *out = (ub_dictionary){
        .n_sources = n_sources,
        .rate_hz = sources[0].audio[0].rate_hz,
        .window = s->window,
        .window_samples = s->size_samples,
        .hop_samples = s->hop_samples,
        .source_names = calloc(n_sources, sizeof *out->source_names),
        .component_source = calloc(n, sizeof *out->component_source),
        .licence = copy_text(licence),
        .origin = copy_text(origin),
    };
    ub_status status = ub_matrix_new(n_bins, n, &out->templates);
    if (!status && how->context) {
        out->n_before = how->context->n_before;
        out->n_after = how->context->n_after;
        out->context_samples = how->context->step * s->hop_samples;
        status = ub_matrix_new(ub_context_frames(how->context) * n_bins, n, &out->context);
    }
    if (status || !out->source_names || !out->component_source || !out->licence || !out->origin) {
        return UB_NO_MEMORY;
    }
    return name_sources(sources, each, out);
}

static ub_status check_source(const ub_training *source, double rate_hz, ub_message *why)
{
    const ub_status status = ub_name_check(source->name, why);
    if (status) {
        return status;
    }
    if (source->n_audio == 0) {
        return ub_fail(why, UB_BAD_SHAPE, "source '%.63s' has no recording", source->name);
    }
    for (size_t i = 0; i < source->n_audio; i++) {
        if (source->audio[i].rate_hz != rate_hz) {
            return ub_fail(why, UB_BAD_VALUE, "the recordings have sample rates of %g and %g Hz",
                           rate_hz, source->audio[i].rate_hz);
        }
    }
    return UB_OK;
}

static ub_status check(const ub_training *sources, size_t n_sources, const ub_settings *settings,
                       ub_message *why)
{
    ub_status status = ub_settings_check(settings, why);
    if (!status && (n_sources < 1 || n_sources > UB_DICTIONARY_MAX_SOURCES)) {
        status = ub_fail(why, UB_BAD_SHAPE, "%zu sources, but 1 to %d can be learned", n_sources,
                         UB_DICTIONARY_MAX_SOURCES);
    }
    for (size_t j = 0; !status && j < n_sources; j++) {
        const double rate_hz = sources[0].n_audio ? sources[0].audio[0].rate_hz : 0.0;
        status = check_source(&sources[j], rate_hz, why);
        for (size_t i = 0; !status && i < j; i++) {
            if (strcmp(sources[i].name, sources[j].name) == 0) {
                status =
                    ub_fail(why, UB_BAD_VALUE, "two sources are named '%.63s'", sources[j].name);
            }
        }
    }
    return status;
}

// How much of the time goes into reconstruction templates.
static const double SHARE_OF_RECONSTRUCTION = 0.3;

static ub_status learn_all(const ub_training *sources, const analysis *how,
                           const ub_settings *settings, size_t each, const ub_progress *progress,
                           ub_dictionary *dictionary, ub_message *why)
{
    // One source alone is mixed with nothing that its templates could be told from.
    const bool reconstructs =
        settings->value[UB_PARAM_RECONSTRUCTION] > 0.0 && dictionary->n_sources > 1;
    const double end = reconstructs ? 1.0 - SHARE_OF_RECONSTRUCTION : 1.0;
    const double step = end / (double)dictionary->n_sources;
    ub_status status = UB_OK;
    for (size_t j = 0; !status && j < dictionary->n_sources; j++) {
        ub_progress_part part = {progress, step * (double)j, step * (double)(j + 1)};
        const ub_progress learning = ub_progress_of_part(&part);
        status =
            learn_source(&sources[j], how, settings, each, j * each, &learning, dictionary, why);
    }
    if (!status && reconstructs) {
        ub_progress_part part = {progress, end, 1.0};
        const ub_progress learning = ub_progress_of_part(&part);
        status = ub_learn_reconstruction(sources, how->stft, how->context, settings, &learning,
                                         dictionary, why);
    }
    return status;
}

static ub_status new_context(size_t n_bins, size_t n_frames, ub_context *context)
{
    const ub_status status = ub_context_new(n_bins, n_frames, n_frames, 1, context);
    return status ? status : ub_context_sharpen(n_bins, context);
}

static ub_status learn(const ub_training *sources, size_t n_sources, size_t each,
                       const ub_settings *settings, const char *licence, const char *origin,
                       const ub_progress *progress, ub_context *context, ub_stft **stft,
                       ub_dictionary *dictionary, ub_message *why)
{
    const size_t n_frames = (size_t)settings->value[UB_PARAM_CONTEXT];
    const double ms = ub_settings_value(settings, UB_PARAM_WINDOW_MS, WINDOW_MS);
    const bool is_symmetric =
        settings->value[UB_PARAM_WINDOW_SHAPE] == (double)UB_WINDOW_SHAPE_SQRT_HANN;
    const ub_stft_settings transform = ub_stft_settings_for(
        is_symmetric ? UB_WINDOW_SQRT_HANN : UB_WINDOW_ASYMMETRIC, ms,
        (size_t)settings->value[UB_PARAM_OVERLAP], sources[0].audio[0].rate_hz);
    ub_status status = ub_stft_new(&transform, stft, why);
    if (status) {
        return status;
    }
    if (n_frames > 0 && new_context(ub_stft_n_bins(*stft), n_frames, context)) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for the context of templates");
    }
    const analysis how = {*stft, n_frames > 0 ? context : NULL,
                          ub_thread_count((size_t)settings->value[UB_PARAM_THREADS])};
    if (new_dictionary(sources, n_sources, each, &how, licence, origin, dictionary)) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates", n_sources * each);
    }
    dictionary->beta = settings->value[UB_PARAM_BETA];
    dictionary->sparsity = settings->value[UB_PARAM_SPARSITY];
    return learn_all(sources, &how, settings, each, progress, dictionary, why);
}

ub_status ub_learn(const ub_training *sources, size_t n_sources, const ub_settings *settings,
                   const char *licence, const char *origin, const ub_progress *progress,
                   ub_dictionary *out, ub_message *why)
{
    const ub_settings standard = ub_settings_default();
    settings = settings ? settings : &standard;
    ub_status status = check(sources, n_sources, settings, why);
    if (status) {
        return status;
    }
    size_t each = (size_t)settings->value[UB_PARAM_COMPONENTS];
    each = each ? each : LEARN_COMPONENTS;
    if (n_sources * each > UB_DICTIONARY_MAX_COMPONENTS) {
        return ub_fail(why, UB_BAD_SETTING, "%zu templates in all, but at most %d fit",
                       n_sources * each, UB_DICTIONARY_MAX_COMPONENTS);
    }
    ub_dictionary dictionary = {0};
    ub_context context = {0};
    ub_stft *stft = NULL;
    status = learn(sources, n_sources, each, settings, licence, origin, progress, &context, &stft,
                   &dictionary, why);
    ub_context_free(&context);
    ub_stft_free(stft);
    if (status) {
        ub_dictionary_free(&dictionary);
        return status;
    }
    *out = dictionary;
    return UB_OK;
}
