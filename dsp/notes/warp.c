// SPDX-License-Identifier: GPL-3.0-or-later
// Dynamic time warping by rows of the band: frame t of the score is frame t + lag + d - radius of
// the recording, and d changes by one at most from frame to frame.
#include "warp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CELLS = 32000000 };

static const double PRICE = 1.5; // of a step aside, in what frames of the line are alike
static const double AROUND_S = 1.0, SHARE_AROUND = 0.05; // radius of the band
static const double SMOOTH_S = 0.25; // standard deviation of what the path is smoothed by

struct warping {
    const ub_sketch *recording, *score;
    const ub_line *line;
    size_t n; // frames of the score
    long radius, width;
    double *sums, *next; // width: of the best paths that end in each cell
    signed char *steps; // [frame][d]
};

static double likeness_at(const struct warping *w, size_t frame, long d)
{
    const long other = (long)frame + w->line->lag + d - w->radius;
    return other < 0 || other >= (long)w->recording->vectors.n_cols
               ? 0.0
               : ub_sketch_likeness(w->recording, (size_t)other, w->score, frame);
}

static void go_forward(struct warping *w, double price)
{
    for (long d = 0; d < w->width; d++) {
        w->sums[d] = likeness_at(w, 0, d);
    }
    for (size_t t = 1; t < w->n; t++) {
        for (long d = 0; d < w->width; d++) {
            double best = w->sums[d];
            signed char step = 0;
            if (d > 0 && w->sums[d - 1] - price > best) {
                best = w->sums[d - 1] - price;
                step = -1;
            }
            if (d + 1 < w->width && w->sums[d + 1] - price > best) {
                best = w->sums[d + 1] - price;
                step = 1;
            }
            w->next[d] = best + likeness_at(w, t, d);
            w->steps[t * (size_t)w->width + (size_t)d] = step;
        }
        double *sums = w->sums;
        w->sums = w->next;
        w->next = sums;
    }
}

// @return the likeness of the path without its price.
static double go_back(const struct warping *w, double *aside)
{
    long d = w->radius; // of cells that are equally good the one on the line
    for (long i = 0; i < w->width; i++) {
        d = w->sums[i] > w->sums[d] ? i : d;
    }
    double likeness = 0.0;
    for (size_t t = w->n; t-- > 0;) {
        aside[t] = (double)(d - w->radius);
        likeness += likeness_at(w, t, d);
        d += t > 0 ? w->steps[t * (size_t)w->width + (size_t)d] : 0;
    }
    return likeness;
}

// The top of a parabola through the likeness along the path and a frame to either side of it.
static void shift_between_frames(const struct warping *w, double *aside)
{
    double sums[3] = {0.0, 0.0, 0.0};
    for (size_t t = 0; t < w->n; t++) {
        for (long i = 0; i < 3; i++) {
            sums[i] += likeness_at(w, t, (long)aside[t] + w->radius + i - 1);
        }
    }
    const double bend = sums[0] - 2.0 * sums[1] + sums[2];
    const double shift = bend < 0.0 ? 0.5 * (sums[0] - sums[2]) / bend : 0.0;
    for (size_t t = 0; t < w->n; t++) {
        aside[t] += fmax(-0.5, fmin(0.5, shift));
    }
}

static ub_status smooth(const struct warping *w, double *aside)
{
    const double sigma = SMOOTH_S / w->score->frame_s;
    const long reach = (long)ceil(3.0 * sigma), n = (long)w->n;
    double *copy = malloc(w->n * sizeof *copy);
    if (!copy) {
        return UB_NO_MEMORY;
    }
    memcpy(copy, aside, w->n * sizeof *copy);
    for (long t = 0; t < n; t++) {
        double sum = 0.0, weights = 0.0;
        for (long i = -reach; i <= reach; i++) {
            const long at = t + i < 0 ? 0 : t + i < n ? t + i : n - 1;
            const double x = (double)i / sigma, weight = exp(-0.5 * x * x);
            sum += weight * copy[at];
            weights += weight;
        }
        aside[t] = sum / weights;
    }
    free(copy);
    return UB_OK;
}

static long radius_for(const struct warping *w)
{
    const double wanted = fmax(AROUND_S / w->score->frame_s, SHARE_AROUND * (double)w->n);
    const double most = (double)MOST_CELLS / (2.0 * (double)w->n) - 1.0;
    return lround(fmax(1.0, fmin(wanted, most)));
}

ub_status ub_warp_find(const ub_sketch *recording, const ub_sketch *score, const ub_line *line,
                       double *aside, double *likeness)
{
    struct warping w = {
        .recording = recording, .score = score, .line = line, .n = score->vectors.n_cols};
    w.radius = radius_for(&w);
    w.width = 2 * w.radius + 1;
    w.sums = calloc((size_t)w.width, sizeof *w.sums);
    w.next = calloc((size_t)w.width, sizeof *w.next);
    w.steps = calloc(w.n * (size_t)w.width, 1);
    ub_status status = w.sums && w.next && w.steps ? UB_OK : UB_NO_MEMORY;
    size_t n_common = 0;
    const double whole = ub_line_likeness(recording, score, line->lag, &n_common);
    if (!status) {
        go_forward(&w, n_common ? PRICE * fmax(0.0, whole) / (double)n_common : 0.0);
        *likeness = go_back(&w, aside);
        shift_between_frames(&w, aside);
        status = smooth(&w, aside);
    }
    free(w.sums);
    free(w.next);
    free(w.steps);
    return status;
}
