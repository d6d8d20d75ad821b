// SPDX-License-Identifier: GPL-3.0-or-later
// All lags of all tempos are tried on sketches that are short, and the best line is made exact on
// ever finer ones.
#include "line.h"

#include <math.h>
#include <stdlib.h>

enum {
    MOST_LEVELS = 24,
    MOST_COARSE = 512, // frames of the coarsest sketches
    N_TEMPOS = 26, // to either side
    LAGS_AROUND = 3, // that are tried on finer sketches
    MOST_STEPS = 64, // of one size
};

static const double TEMPO_STEP = 0.01; // of the logarithm: tempos are 0.77 to 1.3 times the score's

double ub_line_likeness(const ub_sketch *recording, const ub_sketch *score, long lag, size_t *n)
{
    const long n_recording = (long)recording->vectors.n_cols, n_score = (long)score->vectors.n_cols;
    const long first = lag < 0 ? -lag : 0;
    const long end = n_recording - lag < n_score ? n_recording - lag : n_score;
    double sum = 0.0;
    for (long t = first; t < end; t++) {
        sum += ub_sketch_likeness(recording, (size_t)(t + lag), score, (size_t)t);
    }
    if (n) {
        *n = end > first ? (size_t)(end - first) : 0;
    }
    return sum;
}

struct finding {
    const ub_parts *parts;
    ub_sketch levels[MOST_LEVELS]; // of the recording; the first is borrowed
    size_t n_levels;
};

static ub_status sketch_score(const struct finding *f, double stretch, size_t level, ub_sketch *out)
{
    ub_status status = ub_sketch_of_score(f->parts, stretch, &f->levels[0], out);
    for (size_t i = 0; !status && i < level; i++) {
        ub_sketch half;
        status = ub_sketch_halve(out, &half);
        ub_sketch_free(out);
        if (!status) {
            *out = half;
        }
    }
    return status;
}

// As many levels as make both of them short.
static ub_status make_levels(struct finding *f, const ub_sketch *recording)
{
    ub_sketch score;
    ub_status status = ub_sketch_of_score(f->parts, 1.0, recording, &score);
    if (status) {
        return status;
    }
    size_t n = score.vectors.n_cols > recording->vectors.n_cols ? score.vectors.n_cols
                                                                : recording->vectors.n_cols;
    ub_sketch_free(&score);
    f->levels[0] = *recording;
    f->n_levels = 1;
    for (; !status && n > MOST_COARSE && f->n_levels < MOST_LEVELS; n /= 2) {
        status = ub_sketch_halve(&f->levels[f->n_levels - 1], &f->levels[f->n_levels]);
        f->n_levels += status ? 0 : 1;
    }
    return status;
}

static ub_status search_lags(const struct finding *f, double stretch, size_t level, long from,
                             long to, ub_line *best)
{
    ub_sketch score;
    const ub_status status = sketch_score(f, stretch, level, &score);
    if (status) {
        return status;
    }
    for (long lag = from; lag <= to; lag++) {
        const double likeness = ub_line_likeness(&f->levels[level], &score, lag, NULL);
        if (likeness > best->likeness) {
            *best = (ub_line){stretch, lag, likeness};
        }
    }
    ub_sketch_free(&score);
    return UB_OK;
}

// How many frames the score has at most, at any tempo.
static long longest(const struct finding *f, size_t level, ub_status *status)
{
    ub_sketch score;
    *status = sketch_score(f, exp(TEMPO_STEP * N_TEMPOS), level, &score);
    const long n = *status ? 0 : (long)score.vectors.n_cols;
    if (!*status) {
        ub_sketch_free(&score);
    }
    return n;
}

// A nearer tempo and an earlier lag win where lines are equally good, whoever tries them.
static ub_status search_all(const struct finding *f, size_t n_threads, const ub_progress *progress,
                            ub_line *best)
{
    ub_line lines[2 * N_TEMPOS + 1];
    ub_status statuses[2 * N_TEMPOS + 1], status;
    const size_t level = f->n_levels - 1;
    const long from = -longest(f, level, &status), to = (long)f->levels[level].vectors.n_cols;
    status = status ? status : ub_progress_report(progress, "align", 0.0);
    if (status) {
        return status;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)n_threads)
    for (int i = 0; i < 2 * N_TEMPOS + 1; i++) {
        lines[i] = (ub_line){1.0, 0, 0.0};
        statuses[i] = search_lags(f, exp(TEMPO_STEP * (i - N_TEMPOS)), level, from, to, &lines[i]);
    }
    for (int i = 0; i < 2 * N_TEMPOS + 1; i++) {
        const int nearest = i % 2 ? N_TEMPOS + (i + 1) / 2 : N_TEMPOS - i / 2;
        status = status ? status : statuses[nearest];
        if (lines[nearest].likeness > best->likeness) {
            *best = lines[nearest];
        }
    }
    return status;
}

// With another tempo the middle of what both have stays in place.
static long turned_lag(const struct finding *f, const ub_line *line, double stretch, size_t level)
{
    const double n = (double)f->levels[level].vectors.n_cols, lag = (double)line->lag;
    const double middle = 0.5 * (fmax(0.0, lag) + n);
    return lround(middle - (middle - lag) * stretch / line->stretch);
}

// One try of a bit faster and a bit slower. @return whether it is better by `is_better`.
static ub_status try_around(const struct finding *f, double step, size_t level, ub_line *best,
                            bool *is_better)
{
    const ub_line start = *best;
    *is_better = false;
    ub_status status = UB_OK;
    for (int side = -1; !status && side <= 1; side += 2) {
        const double stretch = start.stretch * exp(side * step);
        const long lag = turned_lag(f, &start, stretch, level);
        status = search_lags(f, stretch, level, lag - LAGS_AROUND, lag + LAGS_AROUND, best);
    }
    *is_better = best->likeness > start.likeness;
    return status;
}

static ub_status refine(const struct finding *f, double *step, size_t level, ub_line *best)
{
    const double n_frames = (double)f->levels[level].vectors.n_cols;
    best->likeness = 0.0;
    ub_status status = search_lags(f, best->stretch, level, best->lag - LAGS_AROUND,
                                   best->lag + LAGS_AROUND, best);
    while (!status && *step * n_frames > 0.5) {
        bool is_better = true;
        for (size_t i = 0; !status && is_better && i < MOST_STEPS; i++) {
            status = try_around(f, *step, level, best, &is_better);
        }
        *step *= 0.5;
    }
    return status;
}

ub_status ub_line_find(const ub_sketch *recording, const ub_parts *parts, size_t n_threads,
                       const ub_progress *progress, ub_line *out)
{
    struct finding f = {.parts = parts};
    ub_line best = {1.0, 0, 0.0};
    double step = 0.5 * TEMPO_STEP;
    ub_status status = make_levels(&f, recording);
    status = status ? status : search_all(&f, n_threads, progress, &best);
    for (size_t level = f.n_levels; !status && level-- > 0;) {
        status = ub_progress_report(progress, "align",
                                    1.0 - (double)(level + 1) / (double)(f.n_levels + 1));
        best.lag *= level + 1 < f.n_levels ? 2 : 1;
        status = status ? status : refine(&f, &step, level, &best);
    }
    for (size_t i = 1; i < f.n_levels; i++) {
        ub_sketch_free(&f.levels[i]);
    }
    if (!status) {
        *out = best;
    }
    return status;
}
