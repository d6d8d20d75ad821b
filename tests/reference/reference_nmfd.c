// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_nmfd.h"

#include <math.h>
#include <stdlib.h>

static double *w_at(const reference_nmfd *n, size_t l, size_t k, size_t f)
{
    return &n->w[(l * n->n_components + k) * n->n_bins + f];
}

static size_t begin_of(const reference_nmfd *n, size_t l)
{
    size_t begin = 0;
    for (size_t i = 0; i < l; i++) {
        begin += n->spans ? n->spans[i] : 1;
    }
    return begin;
}

static double h_at(const reference_nmfd *n, size_t k, size_t t, size_t l)
{
    double sum = 0.0;
    for (size_t i = begin_of(n, l); i < begin_of(n, l + 1); i++) {
        sum += t >= i ? n->h[(t - i) * n->n_components + k] : 0.0;
    }
    return sum;
}

double reference_nmfd_model(const reference_nmfd *n, size_t f, size_t t)
{
    double x = n->floor;
    for (size_t l = 0; l < n->n_lags; l++) {
        for (size_t k = 0; k < n->n_components; k++) {
            x += *w_at(n, l, k, f) * h_at(n, k, t, l);
        }
    }
    return x;
}

double reference_nmfd_cost(const reference_nmfd *n)
{
    double cost = 0.0;
    for (size_t t = 0; t < n->n_frames; t++) {
        for (size_t f = 0; f < n->n_bins; f++) {
            const double v = n->v[t * n->n_bins + f], x = reference_nmfd_model(n, f, t);
            cost += (v > 0.0 ? v * log(v / x) : 0.0) - v + x;
        }
    }
    return cost;
}

static double *room(size_t n)
{
    double *x = calloc(n, sizeof *x);
    if (!x) {
        abort();
    }
    return x;
}

static double *ratios(const reference_nmfd *n)
{
    double *ratio = room(n->n_bins * n->n_frames);
    for (size_t t = 0; t < n->n_frames; t++) {
        for (size_t f = 0; f < n->n_bins; f++) {
            ratio[t * n->n_bins + f] = n->v[t * n->n_bins + f] / reference_nmfd_model(n, f, t);
        }
    }
    return ratio;
}

static void add_lag(const reference_nmfd *n, const double *ratio, size_t l, size_t k, size_t t,
                    double *above, double *below)
{
    for (size_t i = begin_of(n, l); i < begin_of(n, l + 1) && t + i < n->n_frames; i++) {
        for (size_t f = 0; f < n->n_bins; f++) {
            *above += *w_at(n, l, k, f) * ratio[(t + i) * n->n_bins + f];
            *below += *w_at(n, l, k, f);
        }
    }
}

void reference_nmfd_update_h(reference_nmfd *n)
{
    double *ratio = ratios(n);
    for (size_t t = 0; t < n->n_frames; t++) {
        for (size_t k = 0; k < n->n_components; k++) {
            double above = 0.0, below = 0.0;
            for (size_t l = 0; l < n->n_lags; l++) {
                add_lag(n, ratio, l, k, t, &above, &below);
            }
            double *h = &n->h[t * n->n_components + k];
            *h = below > 0.0 ? *h * above / below : 0.0;
        }
    }
    free(ratio);
}

static double updated(const reference_nmfd *n, const double *ratio, size_t l, size_t k, size_t f)
{
    double above = 0.0, below = 0.0;
    for (size_t t = 0; t < n->n_frames; t++) {
        above += ratio[t * n->n_bins + f] * h_at(n, k, t, l);
        below += h_at(n, k, t, l);
    }
    const double w = *w_at(n, l, k, f);
    return below > 0.0 ? w * above / below : w;
}

static void update_component(reference_nmfd *n, const double *ratio, size_t k, double restraint)
{
    double *next = room(n->n_lags * n->n_bins), sum = 0.0;
    for (size_t l = 0; l < n->n_lags; l++) {
        for (size_t f = 0; f < n->n_bins; f++) {
            next[l * n->n_bins + f] = updated(n, ratio, l, k, f);
            sum += (double)(begin_of(n, l + 1) - begin_of(n, l)) * next[l * n->n_bins + f];
        }
    }
    for (size_t i = 0; sum > 0.0 && i < n->n_lags * n->n_bins; i++) {
        const size_t l = i / n->n_bins, f = i % n->n_bins;
        const double origin = n->w_origin[(l * n->n_components + k) * n->n_bins + f];
        *w_at(n, l, k, f) = restraint * origin + (1.0 - restraint) * next[i] / sum;
    }
    for (size_t t = 0; t < n->n_frames; t++) {
        n->h[t * n->n_components + k] *= sum;
    }
    free(next);
}

void reference_nmfd_update_w(reference_nmfd *n, double restraint)
{
    double *ratio = ratios(n);
    // The ratio is that of before: no component sees what is new of another.
    for (size_t k = 0; k < n->n_components; k++) {
        update_component(n, ratio, k, restraint);
    }
    free(ratio);
}
