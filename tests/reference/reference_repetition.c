// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_repetition.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static double cosine(const reference_repetition *r, size_t s, size_t t)
{
    double inner = 0.0, of_s = 0.0, of_t = 0.0;
    for (size_t b = 0; b < r->n_features; b++) {
        const double x = r->features[s * r->n_features + b], y = r->features[t * r->n_features + b];
        inner += x * y;
        of_s += x * x;
        of_t += y * y;
    }
    return of_s > 0.0 && of_t > 0.0 ? inner / sqrt(of_s * of_t) : 0.0;
}

static bool is_free(size_t t, const size_t *chosen, size_t n, size_t apart)
{
    for (size_t i = 0; i < n; i++) {
        if ((t > chosen[i] ? t - chosen[i] : chosen[i] - t) < apart) {
            return false;
        }
    }
    return true;
}

static size_t choose(const reference_repetition *r, size_t t, size_t *chosen, double *margin)
{
    size_t n = 0;
    *margin = INFINITY;
    while (n < r->n_similar) {
        double best = -1.0, second = -1.0;
        size_t at = 0;
        for (size_t s = 0; s < r->n_frames; s++) {
            if (!is_free(s, chosen, n, r->apart)) {
                continue;
            }
            const double alike = cosine(r, t, s);
            second = alike > best ? best : fmax(alike, second);
            at = alike > best ? s : at;
            best = fmax(alike, best);
        }
        if (best < 0.0) {
            break;
        }
        *margin = fmin(*margin, best - second);
        chosen[n++] = at;
    }
    return n;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void reference_repetition_mask(const reference_repetition *r, double *mask, double *margins)
{
    size_t *chosen = calloc(r->n_similar, sizeof *chosen);
    double *values = calloc(r->n_similar, sizeof *values);
    assert(chosen && values);
    for (size_t t = 0; t < r->n_frames; t++) {
        const size_t n = choose(r, t, chosen, &margins[t]);
        for (size_t f = 0; f < r->n_bins; f++) {
            for (size_t i = 0; i < n; i++) {
                values[i] = r->v[chosen[i] * r->n_bins + f];
            }
            qsort(values, n, sizeof *values, ascending);
            const double median = (values[(n - 1) / 2] + values[n / 2]) / 2.0;
            const double v = r->v[t * r->n_bins + f], background = fmin(median, v);
            mask[t * r->n_bins + f] = f < r->first_bin || !(v > 0.0) ? 0.0 : (v - background) / v;
        }
    }
    free(chosen);
    free(values);
}
