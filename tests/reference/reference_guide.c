// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_guide.h"

#include <math.h>
#include <stdlib.h>

float reference_median(const float *x, size_t first, size_t end, size_t step)
{
    const size_t wanted = (end - first - 1) / 2;
    for (size_t i = first; i < end; i++) {
        size_t below = 0, equal = 0;
        for (size_t j = first; j < end; j++) {
            below += x[j * step] < x[i * step];
            equal += x[j * step] == x[i * step];
        }
        if (below <= wanted && wanted < below + equal) {
            return x[i * step];
        }
    }
    abort();
}

static double model_of(const reference_nmf *nmf, const reference_point *point, const double *w,
                       size_t c, size_t f, size_t t)
{
    double sum = 0.0;
    for (size_t k = 0; k < nmf->n_components; k++) {
        sum += (w ? w[k] : 1.0) * point->q[k * nmf->n_channels + c] *
               point->w[k * nmf->n_bins + f] * point->h[t * nmf->n_components + k];
    }
    return sum;
}

static double amount(const reference_nmf *nmf, const reference_point *point, const double *m,
                     size_t j, size_t k)
{
    double sum = 0.0;
    for (size_t c = 0; c < nmf->n_channels; c++) {
        for (size_t t = 0; t < nmf->n_frames; t++) {
            for (size_t f = 0; f < nmf->n_bins; f++) {
                const double part = point->q[k * nmf->n_channels + c] *
                                    point->w[k * nmf->n_bins + f] *
                                    point->h[t * nmf->n_components + k];
                sum += m[(j * nmf->n_frames + t) * nmf->n_bins + f] * part *
                       nmf->v[(c * nmf->n_frames + t) * nmf->n_bins + f] /
                       (nmf->floor + model_of(nmf, point, NULL, c, f, t));
            }
        }
    }
    return sum;
}

void reference_weigh(const reference_nmf *nmf, const reference_point *point, const double *m,
                     size_t n_priors, double sharpness, double *w)
{
    const size_t n_k = nmf->n_components;
    for (size_t k = 0; k < n_k; k++) {
        double all = 0.0, sum = 0.0;
        for (size_t j = 0; j < n_priors; j++) {
            w[j * n_k + k] = amount(nmf, point, m, j, k);
            all += w[j * n_k + k];
        }
        for (size_t j = 0; j < n_priors; j++) {
            w[j * n_k + k] = all > 0.0 ? pow(w[j * n_k + k] / all, sharpness) : 1.0;
            sum += w[j * n_k + k];
        }
        for (size_t j = 0; j < n_priors; j++) {
            w[j * n_k + k] /= sum;
        }
    }
}

double reference_mask(const reference_nmf *nmf, const reference_point *point, const double *w,
                      size_t n_priors, double exponent, size_t j, size_t c, size_t f, size_t t)
{
    double sum = 0.0;
    for (size_t i = 0; i < n_priors; i++) {
        sum += pow(model_of(nmf, point, w + i * nmf->n_components, c, f, t), exponent);
    }
    const double part = model_of(nmf, point, w + j * nmf->n_components, c, f, t);
    return sum > 0.0 ? pow(part, exponent) / sum : 1.0 / (double)n_priors;
}

double reference_move(size_t from, size_t to, size_t reach, double step, double jump)
{
    const size_t away = from > to ? from - to : to - from;
    return from == to ? 0.0 : away <= reach ? fmin((double)away * step, jump) : jump;
}

double reference_best_path(const double *x, size_t n, size_t n_frames, size_t reach, double step,
                           double jump)
{
    size_t n_paths = 1;
    for (size_t t = 0; t < n_frames; t++) {
        n_paths *= n;
    }
    double best = -INFINITY;
    for (size_t path = 0; path < n_paths; path++) {
        double sum = 0.0;
        for (size_t t = 0, rest = path, before = path % n; t < n_frames; t++, rest /= n) {
            sum += x[t * n + rest % n] - reference_move(before, rest % n, reach, step, jump);
            before = rest % n;
        }
        best = fmax(best, sum);
    }
    return best;
}
