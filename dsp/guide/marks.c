// SPDX-License-Identifier: GPL-3.0-or-later
// Priors of bins are products: of what the regions say, where there are any, and of what the
// positions say.
#include "marks.h"

#include <math.h>
#include <string.h>

// A source that is most of a region still shares its bins, so others are not quite shut out.
static const float BESIDE = 0.1f;

// Of positions: how far from its place a source is heard, and what remains of it elsewhere.
static const double SPREAD = 20.0, STRAY = 0.01;

bool ub_marks_tell(const ub_marking *marking, ub_mark_kind kind, size_t source)
{
    for (size_t i = 0; i < marking->n_marks; i++) {
        const ub_mark *mark = &marking->marks[i];
        if (mark->kind == kind && strcmp(mark->name, marking->names[source]) == 0) {
            return true;
        }
    }
    return false;
}

// ---- regions -----------------------------------------------------------------------------------

void ub_marks_frames(const ub_scene *scene, const ub_mark *mark, size_t *first, size_t *end)
{
    const ub_scene start = {.hop_samples = scene->hop_samples,
                            .size_samples = scene->size_samples,
                            .rate_hz = scene->rate_hz};
    const double hop_s = (double)scene->hop_samples / scene->rate_hz;
    const double ahead = ub_scene_time_s(&start, 0), last = (double)scene->n_frames - 1.0;
    const double from = ceil((mark->from_s - ahead) / hop_s);
    const double to = floor((mark->to_s - ahead) / hop_s);
    const double at = fmax(0.0, fmin(from, last));
    *first = (size_t)at;
    *end = (size_t)fmax(at, fmin(to, last)) + 1;
}

void ub_marks_bins(const ub_scene *scene, const ub_mark *mark, size_t *low, size_t *high)
{
    const size_t n_bins = scene->spectra[0].n_rows;
    const double most = scene->rate_hz; // infinity is no size_t
    const size_t first = ub_scene_bin(scene, fmin(mark->low_hz, most));
    const size_t end = ub_scene_bin(scene, fmin(mark->high_hz, most));
    *low = first < n_bins ? first : n_bins - 1;
    *high = end > *low ? end : *low + 1;
}

static void apply_region(const ub_marking *marking, const ub_scene *scene, const ub_mark *mark,
                         ub_matrix *priors)
{
    size_t first, end, low, high;
    ub_marks_frames(scene, mark, &first, &end);
    ub_marks_bins(scene, mark, &low, &high);
    const size_t stop = scene->first_frame + priors[0].n_cols;
    first = first > scene->first_frame ? first : scene->first_frame;
    end = end < stop ? end : stop;
    for (size_t j = 0; j < marking->n_sources; j++) {
        const bool is_its = strcmp(marking->names[j], mark->name) == 0;
        for (size_t t = first; !is_its && t < end; t++) {
            float *share = ub_matrix_column(&priors[j], t - scene->first_frame);
            for (size_t f = low; f < high; f++) {
                share[f] *= BESIDE;
            }
        }
    }
}

// ---- positions ---------------------------------------------------------------------------------

double ub_marks_position(double left, double right)
{
    const double quarter = 0.78539816339744831; // of pi
    return left + right > 0.0 ? 100.0 * (atan2(right, left) - quarter) / quarter : 0.0;
}

// How likely a source is heard from a place; below zero where its marks do not say.
static double likelihood(const ub_marking *marking, size_t source, double position)
{
    double best = -1.0;
    for (size_t i = 0; i < marking->n_marks; i++) {
        const ub_mark *mark = &marking->marks[i];
        if (mark->kind == UB_MARK_POSITION && strcmp(mark->name, marking->names[source]) == 0) {
            const double away = (position - mark->position) / SPREAD;
            best = fmax(best, exp(-0.5 * away * away));
        }
    }
    return best;
}

// A source of which no position is told is elsewhere.
static void share_position(const ub_marking *marking, double position, double *shares)
{
    double most = 0.0, sum = 0.0;
    for (size_t j = 0; j < marking->n_sources; j++) {
        shares[j] = likelihood(marking, j, position);
        most = fmax(most, shares[j]);
    }
    for (size_t j = 0; j < marking->n_sources; j++) {
        shares[j] = (shares[j] < 0.0 ? 1.0 - most : shares[j]) + STRAY;
        sum += shares[j];
    }
    for (size_t j = 0; j < marking->n_sources; j++) {
        shares[j] /= sum;
    }
}

static bool has_positions(const ub_marking *marking)
{
    for (size_t i = 0; i < marking->n_marks; i++) {
        if (marking->marks[i].kind == UB_MARK_POSITION) {
            return true;
        }
    }
    return false;
}

enum { STEPS = 1024 }; // of the table of positions, more than ears tell apart

static void share_frame(const ub_marking *marking, const float table[][STEPS + 1],
                        const ub_scene *scene, size_t t, ub_matrix *priors)
{
    const float *left = ub_matrix_column(&scene->spectra[0], t);
    const float *right = ub_matrix_column(&scene->spectra[1], t);
    for (size_t f = 0; f < priors[0].n_rows; f++) {
        const double position = ub_marks_position((double)left[f], (double)right[f]);
        const size_t step = (size_t)(0.005 * (position + 100.0) * STEPS + 0.5);
        for (size_t j = 0; j < marking->n_sources; j++) {
            ub_matrix_column(&priors[j], t)[f] = table[j][step < STEPS ? step : STEPS];
        }
    }
}

void ub_marks_positions(const ub_marking *marking, const ub_scene *scene, ub_matrix *priors)
{
    float table[UB_DICTIONARY_MAX_SOURCES + 1][STEPS + 1];
    const bool is_told = scene->n_channels == 2 && has_positions(marking);
    for (size_t i = 0; is_told && i <= STEPS; i++) {
        double shares[UB_DICTIONARY_MAX_SOURCES + 1];
        share_position(marking, 200.0 * (double)i / STEPS - 100.0, shares);
        for (size_t j = 0; j < marking->n_sources; j++) {
            table[j][i] = (float)shares[j];
        }
    }
#pragma omp parallel for schedule(static) num_threads((int)scene->n_threads)
    for (size_t t = 0; t < priors[0].n_cols; t++) {
        if (is_told) {
            share_frame(marking, table, scene, t, priors);
            continue;
        }
        for (size_t j = 0; j < marking->n_sources; j++) {
            float *share = ub_matrix_column(&priors[j], t);
            for (size_t f = 0; f < priors[j].n_rows; f++) {
                share[f] = 1.0f / (float)marking->n_sources;
            }
        }
    }
}

// ---- both --------------------------------------------------------------------------------------

static void sum_to_one(size_t n, size_t t, ub_matrix *priors)
{
    for (size_t f = 0; f < priors[0].n_rows; f++) {
        float sum = 0.0f;
        for (size_t j = 0; j < n; j++) {
            sum += ub_matrix_column(&priors[j], t)[f];
        }
        for (size_t j = 0; j < n; j++) {
            ub_matrix_column(&priors[j], t)[f] /= sum;
        }
    }
}

void ub_marks_priors(const ub_marking *marking, const ub_scene *scene, ub_matrix *priors)
{
    ub_marks_positions(marking, scene, priors);
    for (size_t i = 0; i < marking->n_marks; i++) {
        if (marking->marks[i].kind == UB_MARK_REGION) {
            apply_region(marking, scene, &marking->marks[i], priors);
        }
    }
    for (size_t t = 0; t < priors[0].n_cols; t++) {
        sum_to_one(marking->n_sources, t, priors);
    }
}
