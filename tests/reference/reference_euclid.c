// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_euclid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SWEEPS_H = 4, SWEEPS_Q = 2, SWEEPS_W = 6 };

typedef struct descent {
    const reference_nmf *nmf;
    reference_point *point;
    double *x; // C x T x F: the model without the floor
    double level; // largest value of v
} descent;

static bool flag(const bool *flags, size_t k)
{
    return flags && flags[k];
}

static bool gain_is_free(const reference_nmf *nmf, size_t k)
{
    return nmf->n_channels > 1 && !flag(nmf->fixed_q, k);
}

static size_t model_at(const descent *d, size_t c, size_t t, size_t f)
{
    return (c * d->nmf->n_frames + t) * d->nmf->n_bins + f;
}

static void renew_model(descent *d)
{
    reference_model(d->nmf, d->point, d->x);
    for (size_t i = 0; i < d->nmf->n_channels * d->nmf->n_frames * d->nmf->n_bins; i++) {
        d->x[i] -= d->nmf->floor;
    }
}

// From `old` to the minimum of slope d + curvature d^2 / 2. Zero stays, others stay above zero.
static double lowest_from(double old, double slope, double curvature, double dead, double least)
{
    if (old <= 0.0 || curvature <= dead) {
        return old;
    }
    return fmax(old - slope / curvature, least);
}

static void descend_h(descent *d, size_t k, size_t t)
{
    const reference_nmf *nmf = d->nmf;
    double *h = d->point->h + t * nmf->n_components + k;
    double slope = nmf->l1_h + nmf->l2_h * *h, curvature = nmf->l2_h;
    for (size_t c = 0; c < nmf->n_channels; c++) {
        for (size_t f = 0; f < nmf->n_bins; f++) {
            const double w =
                d->point->q[k * nmf->n_channels + c] * d->point->w[k * nmf->n_bins + f];
            const size_t i = model_at(d, c, t, f);
            slope += w * (d->x[i] - nmf->v[i]);
            curvature += w * w;
        }
    }
    const double old = *h;
    *h = lowest_from(old, slope, curvature, 1e-30, 1e-20 * d->level);
    const double step = *h - old;
    for (size_t c = 0; c < nmf->n_channels; c++) {
        for (size_t f = 0; f < nmf->n_bins; f++) {
            d->x[model_at(d, c, t, f)] +=
                step * d->point->q[k * nmf->n_channels + c] * d->point->w[k * nmf->n_bins + f];
        }
    }
}

static void descend_w(descent *d, size_t k, size_t f)
{
    const reference_nmf *nmf = d->nmf;
    double *w = d->point->w + k * nmf->n_bins + f;
    double slope = 0.0, curvature = 0.0;
    for (size_t c = 0; c < nmf->n_channels; c++) {
        for (size_t t = 0; t < nmf->n_frames; t++) {
            const double h =
                d->point->q[k * nmf->n_channels + c] * d->point->h[t * nmf->n_components + k];
            const size_t i = model_at(d, c, t, f);
            slope += h * (d->x[i] - nmf->v[i]);
            curvature += h * h;
        }
    }
    const double old = *w;
    *w = lowest_from(old, slope, curvature, 1e-20 * d->level * d->level, 1e-20);
    const double step = *w - old;
    for (size_t c = 0; c < nmf->n_channels; c++) {
        for (size_t t = 0; t < nmf->n_frames; t++) {
            d->x[model_at(d, c, t, f)] += step * d->point->q[k * nmf->n_channels + c] *
                                          d->point->h[t * nmf->n_components + k];
        }
    }
}

static bool in_group(const reference_nmf *nmf, size_t k, size_t group)
{
    return gain_is_free(nmf, k) && (nmf->groups ? nmf->groups[k] : k) == group;
}

// What a common gain of one multiplies in one channel.
static double group_model(const descent *d, size_t group, size_t t, size_t f)
{
    double sum = 0.0;
    for (size_t k = 0; k < d->nmf->n_components; k++) {
        if (in_group(d->nmf, k, group)) {
            sum += d->point->w[k * d->nmf->n_bins + f] * d->point->h[t * d->nmf->n_components + k];
        }
    }
    return sum;
}

static void descend_q(descent *d, size_t group, size_t c)
{
    const reference_nmf *nmf = d->nmf;
    double old = 0.0, slope = 0.0, curvature = 0.0;
    for (size_t k = 0; k < nmf->n_components; k++) {
        old = in_group(nmf, k, group) ? d->point->q[k * nmf->n_channels + c] : old;
    }
    for (size_t t = 0; t < nmf->n_frames && old > 0.0; t++) {
        for (size_t f = 0; f < nmf->n_bins; f++) {
            const double y = group_model(d, group, t, f);
            slope += y * (d->x[model_at(d, c, t, f)] - nmf->v[model_at(d, c, t, f)]);
            curvature += y * y;
        }
    }
    const double renewed = lowest_from(old, slope, curvature, 1e-30 * d->level * d->level, 1e-20),
                 step = renewed - old;
    for (size_t t = 0; t < nmf->n_frames && step != 0.0; t++) {
        for (size_t f = 0; f < nmf->n_bins; f++) {
            d->x[model_at(d, c, t, f)] += step * group_model(d, group, t, f);
        }
    }
    for (size_t k = 0; k < nmf->n_components; k++) {
        double *q = d->point->q + k * nmf->n_channels + c;
        *q = in_group(nmf, k, group) ? renewed : *q;
    }
}

// The best common factor of the free activations of a frame.
static void level_frame(descent *d, size_t t)
{
    const reference_nmf *nmf = d->nmf;
    double slope = 0.0, curvature = 0.0; // at the factor 0
    for (size_t c = 0; c < nmf->n_channels; c++) {
        for (size_t f = 0; f < nmf->n_bins; f++) {
            double free = 0.0;
            for (size_t k = 0; k < nmf->n_components; k++) {
                const double w =
                    d->point->q[k * nmf->n_channels + c] * d->point->w[k * nmf->n_bins + f];
                free += flag(nmf->fixed_h, k) ? 0.0 : w * d->point->h[t * nmf->n_components + k];
            }
            const size_t i = model_at(d, c, t, f);
            slope += free * (d->x[i] - free - nmf->v[i]);
            curvature += free * free;
        }
    }
    for (size_t k = 0; k < nmf->n_components; k++) {
        const double h = d->point->h[t * nmf->n_components + k];
        slope += flag(nmf->fixed_h, k) ? 0.0 : nmf->l1_h * h;
        curvature += flag(nmf->fixed_h, k) ? 0.0 : nmf->l2_h * h * h;
    }
    for (size_t k = 0; k < nmf->n_components && curvature > 0.0; k++) {
        double *h = d->point->h + t * nmf->n_components + k;
        const double levelled = fmax(*h * fmax(-slope / curvature, 0.0), 1e-20 * d->level);
        *h = flag(nmf->fixed_h, k) || *h <= 0.0 ? *h : levelled;
    }
}

static void update(descent *d, bool first)
{
    const reference_nmf *nmf = d->nmf;
    renew_model(d);
    for (size_t t = 0; t < nmf->n_frames && first; t++) {
        level_frame(d, t);
    }
    renew_model(d);
    for (size_t i = 0; i < SWEEPS_H * nmf->n_components; i++) {
        for (size_t t = 0; t < nmf->n_frames && !flag(nmf->fixed_h, i % nmf->n_components); t++) {
            descend_h(d, i % nmf->n_components, t);
        }
    }
    for (size_t i = 0; i < SWEEPS_Q * nmf->n_components && nmf->n_channels > 1; i++) {
        for (size_t c = 0; c < nmf->n_channels; c++) {
            descend_q(d, i % nmf->n_components, c);
        }
    }
    for (size_t i = 0; i < SWEEPS_W * nmf->n_components; i++) {
        for (size_t f = 0; f < nmf->n_bins && !flag(nmf->fixed_w, i % nmf->n_components); f++) {
            descend_w(d, i % nmf->n_components, f);
        }
    }
    reference_normalise(nmf, d->point, true);
}

void reference_euclid_fit(const reference_nmf *nmf, reference_point *point, size_t n, double *costs)
{
    const size_t size = nmf->n_channels * nmf->n_frames * nmf->n_bins;
    descent d = {.nmf = nmf, .point = point, .x = calloc(size, sizeof(double)), .level = 1e-12};
    if (!d.x) {
        fputs("no memory for the reference\n", stderr);
        abort();
    }
    for (size_t i = 0; i < size; i++) {
        d.level = fmax(d.level, nmf->v[i]);
    }
    reference_normalise(nmf, point, true);
    reference_tie_gains(nmf, point);
    for (size_t i = 0; i <= n; i++) {
        costs[i] = reference_objective(nmf, point);
        if (i < n) {
            update(&d, i == 0);
        }
    }
    free(d.x);
}
