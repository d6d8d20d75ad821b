// SPDX-License-Identifier: GPL-3.0-or-later
// Which keys can sound in a cell is found with all templates on coarse bands, where an update costs
// a third; the activations then with the templates of these keys alone, a fifth of all.
#include "factor/fit.h"
#include "factor/subset.h"
#include "ground/floats.h"
#include "ground/fpu.h"
#include "ground/threads.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>

enum { SCOUT_UPDATES = 15 };

static const float AUDIBLE = 0.01f; // of the loudest frame: what a key must have to be chosen
static const float START = 0.01f; // share of the level at which every activation starts at least

// Memory of a thread.
typedef struct worker {
    ub_subset subset;
    float *work; // of the scout
    ub_matrix coarse; // spectra of a cell
    ub_matrix activations; // of a cell
    float *loudest; // per key
    bool *chosen; // per template
} worker;

struct ub_note_listener {
    const ub_keys *keys;
    const ub_matrix *templates;
    ub_bands coarse;
    ub_activator *scout;
    size_t n_workers;
    worker *workers;
};

static void worker_free(worker *w)
{
    ub_subset_free(&w->subset);
    ub_matrix_free(&w->coarse);
    ub_matrix_free(&w->activations);
    free(w->work);
    free(w->loudest);
    free(w->chosen);
}

void ub_note_listener_free(ub_note_listener *listener)
{
    if (!listener) {
        return;
    }
    for (size_t i = 0; listener->workers && i < listener->n_workers; i++) {
        worker_free(&listener->workers[i]);
    }
    free(listener->workers);
    ub_activator_free(listener->scout);
    ub_bands_free(&listener->coarse);
    free(listener);
}

static ub_status make_scout(ub_note_listener *listener, const ub_nmf_settings *settings)
{
    ub_matrix merged = {0}, gains = {0};
    ub_nmf_settings scouting = *settings;
    scouting.n_iterations = SCOUT_UPDATES;
    scouting.n_coarse_iterations = 0;
    ub_status status = ub_bands_merge_matrix(&listener->coarse, listener->templates, &merged);
    status = status ? status : ub_matrix_new(1, listener->templates->n_cols, &gains);
    for (size_t k = 0; !status && k < gains.n_cols; k++) {
        *ub_matrix_column(&gains, k) = 1.0f;
    }
    status = status ? status : ub_activator_new(&merged, &gains, &scouting, &listener->scout, NULL);
    ub_matrix_free(&merged);
    ub_matrix_free(&gains);
    return status;
}

static ub_status worker_new(const ub_note_listener *listener, const ub_nmf_settings *settings,
                            worker *w)
{
    const ub_kernels *kernels =
        settings->kernels ? ub_kernels_named(settings->kernels) : ub_kernels_best();
    const ub_matrix *templates = listener->templates;
    w->work = ub_floats_new(ub_activator_work_size(listener->scout));
    w->loudest = calloc(listener->keys->n, sizeof *w->loudest);
    w->chosen = calloc(templates->n_cols, sizeof *w->chosen);
    ub_status status = w->work && w->loudest && w->chosen ? UB_OK : UB_NO_MEMORY;
    status =
        status ? status : ub_matrix_new(listener->coarse.n_bands, UB_NOTE_CELL_FRAMES, &w->coarse);
    status =
        status ? status : ub_matrix_new(templates->n_cols, UB_NOTE_CELL_FRAMES, &w->activations);
    return status ? status
                  : ub_subset_new(kernels, settings->beta, templates->n_rows, templates->n_cols,
                                  &w->subset);
}

ub_status ub_note_listener_new(const ub_keys *keys, const ub_note_bands *bands,
                               const ub_matrix *templates, const ub_nmf_settings *settings,
                               ub_note_listener **out)
{
    ub_note_listener *listener = calloc(1, sizeof *listener);
    if (!listener) {
        return UB_NO_MEMORY;
    }
    listener->keys = keys;
    listener->templates = templates;
    listener->n_workers = ub_thread_count(settings->n_threads);
    listener->workers = calloc(listener->n_workers, sizeof *listener->workers);
    ub_status status = listener->workers ? UB_OK : UB_NO_MEMORY;
    status = status ? status : ub_bands_of_bands(&bands->bands, &listener->coarse);
    status = status ? status : make_scout(listener, settings);
    for (size_t i = 0; !status && i < listener->n_workers; i++) {
        status = worker_new(listener, settings, &listener->workers[i]);
    }
    if (status) {
        ub_note_listener_free(listener);
        return status;
    }
    *out = listener;
    return UB_OK;
}

static void scout(const ub_note_listener *listener, worker *w, const ub_matrix *spectra,
                  size_t first, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        ub_bands_merge(&listener->coarse, ub_matrix_column(spectra, first + t),
                       ub_matrix_column(&w->coarse, t));
    }
    ub_activator_run(listener->scout, &w->coarse, 0, n, w->work, &w->activations);
}

// Templates of keys that are audible somewhere in the cell, and all that are no notes.
static void choose(const ub_note_listener *listener, worker *w, size_t n)
{
    const ub_keys *keys = listener->keys;
    memset(w->loudest, 0, keys->n * sizeof *w->loudest);
    for (size_t t = 0; t < n; t++) {
        const float *h = ub_matrix_column(&w->activations, t);
        for (size_t k = 0; k < keys->n_components; k++) {
            const size_t key = keys->of_component[k];
            if (key < keys->n && h[k] > w->loudest[key]) {
                w->loudest[key] = h[k];
            }
        }
    }
    for (size_t k = 0; k < listener->templates->n_cols; k++) {
        const size_t key = k < keys->n_components ? keys->of_component[k] : keys->n;
        w->chosen[k] = key == keys->n || w->loudest[key] > AUDIBLE;
    }
}

// What the scout found, less what is not chosen, and nothing so small that it could not grow.
static void start_frame(const ub_note_listener *listener, const worker *w, const float *spectrum,
                        size_t frame, float *to)
{
    const float *found = ub_matrix_column(&w->activations, frame);
    double level = 0.0;
    size_t n_chosen = 0;
    for (size_t b = 0; b < listener->templates->n_rows; b++) {
        level += (double)spectrum[b];
    }
    for (size_t k = 0; k < listener->templates->n_cols; k++) {
        n_chosen += w->chosen[k];
    }
    const float least = START * (float)level / (float)n_chosen; // there is noise at least
    for (size_t k = 0; k < listener->templates->n_cols; k++) {
        to[k] = !w->chosen[k] ? 0.0f : found[k] > least ? found[k] : least;
    }
}

static void run_cell(const ub_note_listener *listener, worker *w, const ub_matrix *spectra,
                     size_t first, size_t n, size_t n_updates, ub_matrix *activations)
{
    scout(listener, w, spectra, first, n);
    choose(listener, w, n);
    for (size_t t = 0; t < n; t++) {
        start_frame(listener, w, ub_matrix_column(spectra, first + t), t,
                    ub_matrix_column(activations, first + t));
    }
    if (n_updates > 0) {
        ub_subset_choose(&w->subset, listener->templates, w->chosen);
        ub_subset_update(&w->subset, spectra, first, n, n_updates,
                         2.0 * ub_nmf_gamma(w->subset.beta), activations);
    }
}

void ub_note_listener_run(ub_note_listener *listener, const ub_matrix *spectra, size_t n,
                          size_t n_updates, ub_matrix *activations, bool *chosen)
{
    const size_t n_k = listener->templates->n_cols;
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)listener->n_workers)
    for (size_t first = 0; first < n; first += UB_NOTE_CELL_FRAMES) {
        const size_t some = n - first < UB_NOTE_CELL_FRAMES ? n - first : UB_NOTE_CELL_FRAMES;
        worker *w = &listener->workers[ub_thread_index()];
        const uint64_t mode = ub_fpu_flush_denormals();
        run_cell(listener, w, spectra, first, some, n_updates, activations);
        ub_fpu_restore(mode);
        if (chosen) {
            memcpy(chosen + first / UB_NOTE_CELL_FRAMES * n_k, w->chosen, n_k * sizeof *chosen);
        }
    }
}
