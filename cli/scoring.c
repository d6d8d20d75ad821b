// SPDX-License-Identifier: GPL-3.0-or-later
// Which file is whose estimate, and shapes that fit. A missing estimate is silence; shorter files
// end in silence; mono is heard on all channels.
#include "scoring.h"
#include "report.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_MATCHED = 8 // estimates whose permutations are tried
};

static bool failed(const char *subject, ub_status status, const ub_message *why)
{
    report_status(subject, status, why);
    return false;
}

static bool out_of_memory(void)
{
    report_error("eval", "no memory for the recordings; score a shorter excerpt");
    return false;
}

static bool list_folder(const char *folder, struct track_list *list)
{
    ub_message why = {""};
    const ub_status status = track_list_add(list, folder, false, NULL, &why);
    return !status || failed(folder, status, &why);
}

static bool load(struct scoring *scoring, const char *path, struct signal_file *signal)
{
    ub_message why = {""};
    const ub_status status = signal_file_load(path, signal, &why);
    if (status) {
        return failed(path, status, &why);
    }
    if (scoring->rate_hz == 0) {
        scoring->rate_hz = signal->rate_hz;
    }
    if (signal->rate_hz != scoring->rate_hz) {
        report_error(path, "has %u Hz, the references before it %u Hz; resample it",
                     signal->rate_hz, scoring->rate_hz);
        return false;
    }
    return true;
}

static bool fit(const char *path, struct signal_file *signal, const struct signal_file *like)
{
    ub_message why = {""};
    const ub_status status = signal_file_fit(signal, like->n_channels, like->n_samples, &why);
    return !status || failed(path, status, &why);
}

static bool load_references(struct scoring *scoring)
{
    const struct track_list *list = &scoring->references;
    struct signal_file shape = {0};
    scoring->reference_signals = calloc(list->n, sizeof(struct signal_file));
    if (!scoring->reference_signals) {
        return out_of_memory();
    }
    for (size_t i = 0; i < list->n; i++) {
        struct signal_file *signal = &scoring->reference_signals[i];
        if (!load(scoring, list->tracks[i].path, signal)) {
            return false;
        }
        shape.n_channels =
            signal->n_channels > shape.n_channels ? signal->n_channels : shape.n_channels;
        shape.n_samples = signal->n_samples > shape.n_samples ? signal->n_samples : shape.n_samples;
    }
    for (size_t i = 0; i < list->n; i++) {
        if (!fit(list->tracks[i].path, &scoring->reference_signals[i], &shape)) {
            return false;
        }
    }
    return true;
}

// The last of equal names counts: 'drums.wav' before 'drums.flac'.
static size_t estimate_named(const struct scoring *scoring, const char *name)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < scoring->estimates.n; i++) {
        if (strcmp(scoring->estimates.tracks[i].name, name) == 0) {
            found = i;
        }
    }
    return found;
}

static bool load_estimate(struct scoring *scoring, size_t estimate, struct signal_file *signal)
{
    const struct signal_file *like = &scoring->reference_signals[0];
    if (estimate == SIZE_MAX) {
        ub_message why = {""};
        const ub_status status =
            signal_file_silence(like->n_channels, like->n_samples, like->rate_hz, signal, &why);
        return !status || failed("eval", status, &why);
    }
    const char *path = scoring->estimates.tracks[estimate].path;
    return load(scoring, path, signal) && fit(path, signal, like);
}

static bool load_estimates_by_name(struct scoring *scoring)
{
    for (size_t i = 0; i < scoring->references.n; i++) {
        scoring->chosen[i] = estimate_named(scoring, scoring->references.tracks[i].name);
        if (!load_estimate(scoring, scoring->chosen[i], &scoring->estimate_signals[i])) {
            return false;
        }
    }
    return true;
}

static bool load_estimates(const struct scoring_request *request, struct scoring *scoring)
{
    const size_t n = scoring->references.n;
    if (request->match && (scoring->estimates.n < n || scoring->estimates.n > MAX_MATCHED)) {
        report_error(request->estimate_folder,
                     "holds %zu estimates for %zu references; --match takes as many or more, and "
                     "at most %d",
                     scoring->estimates.n, n, MAX_MATCHED);
        return false;
    }
    scoring->n_estimate_signals = request->match ? scoring->estimates.n : n;
    scoring->estimate_signals = calloc(scoring->n_estimate_signals, sizeof(struct signal_file));
    scoring->chosen = calloc(n, sizeof *scoring->chosen);
    if (!scoring->estimate_signals || !scoring->chosen) {
        return out_of_memory();
    }
    if (!request->match) {
        return load_estimates_by_name(scoring);
    }
    for (size_t i = 0; i < scoring->estimates.n; i++) {
        if (!load_estimate(scoring, i, &scoring->estimate_signals[i])) {
            return false;
        }
    }
    return true;
}

// Channel pointers of some signals from sample `first` on, as the library takes them. One block.
static float ***view_new(const struct signal_file *const *signals, size_t n, size_t first)
{
    const size_t n_channels = signals[0]->n_channels;
    float ***view = calloc(n, sizeof *view);
    float **pointers = calloc(n * n_channels, sizeof *pointers);
    if (!view || !pointers) {
        free(view);
        free(pointers);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        view[i] = pointers + i * n_channels;
        for (size_t c = 0; c < n_channels; c++) {
            view[i][c] = signals[i]->channels[c] + first;
        }
    }
    return view;
}

static void view_free(float ***view)
{
    if (view) {
        free(view[0]);
        free(view);
    }
}

static float ***view_references(const struct scoring *scoring, size_t first)
{
    const size_t n = scoring->references.n;
    const struct signal_file **list = calloc(n, sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        list[i] = &scoring->reference_signals[i];
    }
    float ***view = list ? view_new(list, n, first) : NULL;
    free(list);
    return view;
}

// Per reference its estimate; with `all`, every estimate that was loaded.
static float ***view_estimates(const struct scoring *scoring, bool match, bool all, size_t first)
{
    const size_t n = all ? scoring->n_estimate_signals : scoring->references.n;
    const struct signal_file **list = calloc(n, sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        list[i] = &scoring->estimate_signals[match && !all ? scoring->chosen[i] : i];
    }
    float ***view = list ? view_new(list, n, first) : NULL;
    free(list);
    return view;
}

static ub_score_input input_of(const struct scoring *scoring, float ***references,
                               float ***estimates, size_t first)
{
    const struct signal_file *like = &scoring->reference_signals[0];
    return (ub_score_input){
        .n_sources = scoring->references.n,
        .n_channels = like->n_channels,
        .n_samples = like->n_samples - first,
        .rate_hz = scoring->rate_hz,
        .references = (const float *const *const *)references,
        .estimates = (const float *const *const *)estimates,
    };
}

// Whole signals decide who belongs to whom and how deep the null is; only scores skip the start.
static ub_status compare_whole(const struct scoring_request *request, struct scoring *scoring,
                               ub_message *why)
{
    float ***references = view_references(scoring, 0);
    float ***all = view_estimates(scoring, request->match, true, 0);
    float ***estimates = NULL;
    ub_status status = references && all ? UB_OK : UB_NO_MEMORY;
    if (!status && request->match) {
        const ub_score_input input = input_of(scoring, references, NULL, 0);
        status = ub_score_match(&input, (const float *const *const *)all,
                                scoring->n_estimate_signals, scoring->chosen, why);
    }
    if (!status) {
        estimates = view_estimates(scoring, request->match, false, 0);
        const ub_score_input input = input_of(scoring, references, estimates, 0);
        status = estimates ? ub_score_residual(&input, &scoring->residual_db, why) : UB_NO_MEMORY;
    }
    view_free(estimates);
    view_free(all);
    view_free(references);
    return status;
}

static ub_status score_rows(const struct scoring_request *request, const ub_progress *progress,
                            struct scoring *scoring, ub_message *why)
{
    float ***references = view_references(scoring, scoring->n_skipped);
    float ***estimates = view_estimates(scoring, request->match, false, scoring->n_skipped);
    const ub_score_input input = input_of(scoring, references, estimates, scoring->n_skipped);
    ub_status status = references && estimates ? UB_OK : UB_NO_MEMORY;
    static ub_status (*const functions[N_ROWS])(const ub_score_input *, bool, const ub_progress *,
                                                ub_score *, ub_message *) = {
        ub_score_estimates, ub_score_nothing, ub_score_oracle};
    for (size_t row = 0; !status && row < N_ROWS; row++) {
        status = functions[row](&input, request->bss, progress, scoring->scores[row], why);
    }
    view_free(estimates);
    view_free(references);
    return status;
}

static bool score(const struct scoring_request *request, const ub_progress *progress,
                  struct scoring *scoring)
{
    const size_t n_samples = scoring->reference_signals[0].n_samples;
    const double skipped = request->skip_s * scoring->rate_hz;
    if (skipped >= (double)n_samples) {
        report_error(request->reference_folder, "is shorter than --skip %g s; skip less",
                     request->skip_s);
        return false;
    }
    scoring->n_skipped = (size_t)skipped;
    for (size_t row = 0; row < N_ROWS; row++) {
        scoring->scores[row] = calloc(scoring->references.n, sizeof(ub_score));
        if (!scoring->scores[row]) {
            return out_of_memory();
        }
    }
    ub_message why = {""};
    ub_status status = compare_whole(request, scoring, &why);
    status = status ? status : score_rows(request, progress, scoring, &why);
    return !status || failed(request->estimate_folder, status, &why);
}

bool scoring_run(const struct scoring_request *request, const ub_progress *progress,
                 struct scoring *scoring)
{
    return list_folder(request->reference_folder, &scoring->references) &&
           list_folder(request->estimate_folder, &scoring->estimates) && load_references(scoring) &&
           load_estimates(request, scoring) && score(request, progress, scoring);
}

void scoring_free(struct scoring *scoring)
{
    for (size_t i = 0; scoring->reference_signals && i < scoring->references.n; i++) {
        signal_file_free(&scoring->reference_signals[i]);
    }
    for (size_t i = 0; scoring->estimate_signals && i < scoring->n_estimate_signals; i++) {
        signal_file_free(&scoring->estimate_signals[i]);
    }
    for (size_t row = 0; row < N_ROWS; row++) {
        free(scoring->scores[row]);
    }
    free(scoring->reference_signals);
    free(scoring->estimate_signals);
    free(scoring->chosen);
    track_list_free(&scoring->references);
    track_list_free(&scoring->estimates);
    *scoring = (struct scoring){0};
}
