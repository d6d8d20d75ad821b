// SPDX-License-Identifier: GPL-3.0-or-later
#include "taught.h"
#include "ground/floats.h"
#include "ground/threads.h"
#include "unbraid/mask.h"
#include "unbraid/nmf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    UPDATES_PER_FINE = 11, // the others are on bands of bins
    TILE_FRAMES = UB_MASKER_MOST_FRAMES,
    REPORT_TILES = 8 // tiles between two reports
};

static const double RELAXATION = 1.9;

typedef struct taught {
    ub_activator *activator;
    ub_masker *masker;
    ub_matrix gains, activations; // 1 x K, K x T
    size_t *source; // K: 0 for the wanted one, 1 for all others
    ub_matrix others; // F x T
    float *work;
    size_t activator_floats, work_floats; // of a thread
} taught;

static void taught_free(taught *t)
{
    ub_activator_free(t->activator);
    ub_masker_free(t->masker);
    ub_matrix_free(&t->gains);
    ub_matrix_free(&t->activations);
    ub_matrix_free(&t->others);
    free(t->source);
    free(t->work);
}

// The wanted source, or the number of sources.
static size_t find_source(const ub_dictionary *dictionary, const char *const *names, size_t n_names)
{
    for (size_t i = 0; i < n_names; i++) {
        for (size_t j = 0; j < dictionary->n_sources; j++) {
            if (strcmp(names[i], dictionary->source_names[j]) == 0) {
                return j;
            }
        }
    }
    return dictionary->n_sources;
}

static ub_status find_models(const ub_scene *scene, size_t n_updates, taught *t, ub_message *why)
{
    ub_nmf_settings nmf = ub_nmf_settings_default();
    nmf.n_iterations = (n_updates + UPDATES_PER_FINE - 1) / UPDATES_PER_FINE;
    nmf.n_coarse_iterations = n_updates - nmf.n_iterations;
    nmf.relaxation = RELAXATION;
    nmf.kernels = ub_settings_kernels(scene->settings);
    const ub_matrix *templates = &scene->dictionary->templates;
    const ub_status status = ub_activator_new(templates, &t->gains, &nmf, &t->activator, why);
    return status ? status
                  : ub_masker_new(templates, &t->gains, t->source, 2, 1.0, nmf.kernels, &t->masker,
                                  why);
}

static ub_status allocate(const ub_scene *scene, size_t wanted, taught *t)
{
    const ub_dictionary *dictionary = scene->dictionary;
    const size_t n_k = dictionary->templates.n_cols, n_frames = scene->spectra[0].n_cols;
    t->source = calloc(n_k, sizeof *t->source);
    if (!t->source || ub_matrix_new(1, n_k, &t->gains) ||
        ub_matrix_new(n_k, n_frames, &t->activations) ||
        ub_matrix_new(scene->spectra[0].n_rows, n_frames, &t->others)) {
        return UB_NO_MEMORY;
    }
    for (size_t k = 0; k < n_k; k++) {
        t->source[k] = dictionary->component_source[k] == wanted ? 0 : 1;
        ub_matrix_column(&t->gains, k)[0] = 1.0f;
    }
    return UB_OK;
}

static ub_status make_work(const ub_scene *scene, taught *t)
{
    t->activator_floats = ub_floats_line(ub_activator_work_size(t->activator));
    t->work_floats = t->activator_floats + ub_floats_line(ub_masker_work_size(t->masker));
    t->work = ub_floats_new(ub_thread_count(scene->n_threads) * t->work_floats);
    return t->work ? UB_OK : UB_NO_MEMORY;
}

static void run_tile(taught *t, const ub_matrix *magnitudes, size_t first, ub_matrix *share)
{
    const size_t rest = magnitudes->n_cols - first, n = rest < TILE_FRAMES ? rest : TILE_FRAMES;
    float *work = t->work + ub_thread_index() * t->work_floats;
    ub_activator_run(t->activator, magnitudes, first, n, work, &t->activations);
    float *const masks[] = {ub_matrix_column(share, first), ub_matrix_column(&t->others, first)};
    ub_masker_run(t->masker, 0, &t->activations, first, n, work + t->activator_floats, masks);
}

static ub_status run(const ub_scene *scene, taught *t, const ub_matrix *magnitudes,
                     const ub_progress *progress, ub_matrix *share)
{
    const size_t n_frames = magnitudes->n_cols, some = REPORT_TILES * TILE_FRAMES;
    for (size_t from = 0; from < n_frames; from += some) {
        const size_t end = n_frames - from < some ? n_frames : from + some;
#pragma omp parallel for schedule(dynamic) num_threads((int)ub_thread_count(scene->n_threads))
        for (size_t first = from; first < end; first += TILE_FRAMES) {
            run_tile(t, magnitudes, first, share);
        }
        const ub_status status =
            ub_progress_report(progress, "activate", (double)end / (double)n_frames);
        if (status) {
            return status;
        }
    }
    return UB_OK;
}

ub_status ub_taught_share(const ub_scene *scene, const char *const *names, size_t n_names,
                          const ub_matrix *magnitudes, size_t n_updates,
                          const ub_progress *progress, ub_matrix *share, ub_message *why)
{
    const size_t wanted = find_source(scene->dictionary, names, n_names);
    if (wanted == scene->dictionary->n_sources || scene->dictionary->n_sources < 2) {
        return ub_fail(why, UB_BAD_VALUE,
                       "the dictionary must have a source '%s', and others beside it", names[0]);
    }
    taught t = {0};
    ub_status status = allocate(scene, wanted, &t);
    status = status ? status : find_models(scene, n_updates, &t, why);
    status = status ? status : make_work(scene, &t);
    if (status) {
        taught_free(&t);
        return ub_fail(why, status, "no memory for the templates of a dictionary");
    }
    assert(ub_masker_stride(t.masker) == share->stride);
    status = run(scene, &t, magnitudes, progress, share);
    taught_free(&t);
    return status;
}
