// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_adapt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double FLOOR = 1e-12;

static double model(const reference_adaptation *a, const double *w, const double *h, size_t f,
                    size_t t)
{
    double x = FLOOR;
    for (size_t k = 0; k < a->n_components; k++) {
        x += w[k * a->n_bins + f] * h[t * a->n_components + k];
    }
    return x;
}

static bool sounds(const reference_adaptation *a, size_t t, size_t k)
{
    return a->chosen[t / a->cell_frames * a->n_components + k];
}

static double gamma_of(double beta)
{
    return beta < 1.0 ? 1.0 / (2.0 - beta) : beta > 2.0 ? 1.0 / (beta - 1.0) : 1.0;
}

static void update_h(const reference_adaptation *a, const double *w, double *h)
{
    const double exponent = gamma_of(a->beta) * (a->beta < 1.0 ? 2.0 : 1.0);
    double *x = malloc(a->n_bins * sizeof *x);
    for (size_t t = 0; x && t < a->n_frames; t++) {
        for (size_t f = 0; f < a->n_bins; f++) {
            x[f] = model(a, w, h, f, t);
        }
        for (size_t k = 0; k < a->n_components; k++) {
            double numerator = 0.0, denominator = 0.0;
            for (size_t f = 0; f < a->n_bins; f++) {
                const double v =
                    a->beta <= 0.0 ? fmax(a->v[t * a->n_bins + f], FLOOR) : a->v[t * a->n_bins + f];
                numerator += w[k * a->n_bins + f] * v * pow(x[f], a->beta - 2.0);
                denominator += w[k * a->n_bins + f] * pow(x[f], a->beta - 1.0);
            }
            if (sounds(a, t, k)) {
                h[t * a->n_components + k] *= pow(numerator / denominator, exponent);
            }
        }
    }
    free(x);
}

static double heard(const reference_adaptation *a, const double *h, size_t k)
{
    double sum = 0.0;
    for (size_t t = 0; t < a->n_frames; t++) {
        sum += h[t * a->n_components + k];
    }
    return sum;
}

// One template, from a model of the templates before the round.
static void update_w(const reference_adaptation *a, const double *origin, const double *x,
                     const double *h, size_t k, double e, double *w)
{
    double sum = 0.0;
    double *column = w + k * a->n_bins;
    for (size_t f = 0; f < a->n_bins; f++) {
        double numerator = 0.0, denominator = 0.0;
        for (size_t t = 0; t < a->n_frames; t++) {
            const double v =
                a->beta <= 0.0 ? fmax(a->v[t * a->n_bins + f], FLOOR) : a->v[t * a->n_bins + f];
            const double y = x[t * a->n_bins + f];
            numerator += h[t * a->n_components + k] * v * pow(y, a->beta - 2.0);
            denominator += h[t * a->n_components + k] * pow(y, a->beta - 1.0);
        }
        column[f] *= pow(numerator / denominator, gamma_of(a->beta));
        sum += column[f];
    }
    const double share = e / (e + a->shrinkage);
    for (size_t f = 0; f < a->n_bins; f++) {
        column[f] = (1.0 - share) * origin[k * a->n_bins + f] + share * column[f] / sum;
    }
}

static void update_templates(const reference_adaptation *a, const double *origin, const double *h,
                             double *w)
{
    double *x = malloc(a->n_frames * a->n_bins * sizeof *x), mean = 0.0;
    for (size_t t = 0; x && t < a->n_frames; t++) {
        for (size_t f = 0; f < a->n_bins; f++) {
            x[t * a->n_bins + f] = model(a, w, h, f, t);
        }
    }
    for (size_t k = 0; k < a->n_adapted; k++) {
        mean += heard(a, h, k) / (double)a->n_adapted;
    }
    for (size_t k = 0; x && k < a->n_adapted; k++) {
        const double e = heard(a, h, k) / mean;
        if (e > 0.0) {
            update_w(a, origin, x, h, k, e, w);
        }
    }
    free(x);
}

void reference_adapt(const reference_adaptation *a, double *w, double *h)
{
    const size_t n = a->n_bins * a->n_components;
    double *origin = malloc(n * sizeof *origin);
    if (!origin) {
        abort();
    }
    memcpy(origin, w, n * sizeof *origin);
    for (size_t i = 0; i < a->n_start; i++) {
        update_h(a, w, h);
    }
    for (size_t round = 0; round < a->n_rounds; round++) {
        update_templates(a, origin, h, w);
        for (size_t i = 0; i < a->n_between; i++) {
            update_h(a, w, h);
        }
    }
    free(origin);
}
