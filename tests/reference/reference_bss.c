// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_bss.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct problem {
    const double *const *references;
    size_t n, taps;
    const double *estimate;
} problem;

static double *numbers(size_t n)
{
    double *memory = calloc(n, sizeof *memory);
    if (!memory) {
        abort();
    }
    return memory;
}

// Sum of x delayed by p times y delayed by q, all of both that there is.
static double product(const double *x, size_t p, const double *y, size_t q, size_t n)
{
    double sum = 0.0;
    for (size_t i = p > q ? p : q; i < n + (p < q ? p : q); i++) {
        sum += x[i - p] * y[i - q];
    }
    return sum;
}

static void swap(double *x, double *y)
{
    const double held = *x;
    *x = *y;
    *y = held;
}

// Solve a x = b by elimination with pivots; x replaces b.
static void solve(double *a, double *b, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        size_t best = k;
        for (size_t i = k + 1; i < n; i++) {
            best = fabs(a[i * n + k]) > fabs(a[best * n + k]) ? i : best;
        }
        for (size_t j = 0; j < n; j++) {
            swap(&a[k * n + j], &a[best * n + j]);
        }
        swap(&b[k], &b[best]);
        for (size_t i = k + 1; i < n; i++) {
            const double factor = a[i * n + k] / a[k * n + k];
            for (size_t j = k; j < n; j++) {
                a[i * n + j] -= factor * a[k * n + j];
            }
            b[i] -= factor * b[k];
        }
    }
    for (size_t k = n; k-- > 0;) {
        for (size_t j = k + 1; j < n; j++) {
            b[k] -= a[k * n + j] * b[j];
        }
        b[k] /= a[k * n + k];
    }
}

// The filters of the references first to first + n_used - 1 that together come nearest.
static double *best_filters(const problem *p, size_t first, size_t n_used)
{
    const size_t order = n_used * p->taps;
    double *gram = numbers(order * order), *filters = numbers(order);
    for (size_t i = 0; i < order; i++) {
        const double *x = p->references[first + i / p->taps];
        const size_t delay = i % p->taps;
        for (size_t j = 0; j <= i; j++) {
            const double *y = p->references[first + j / p->taps];
            // A product depends on the difference of the delays alone.
            const bool is_known = delay && j % p->taps;
            gram[i * order + j] =
                is_known ? gram[(i - 1) * order + j - 1] : product(x, delay, y, j % p->taps, p->n);
            gram[j * order + i] = gram[i * order + j];
        }
        filters[i] = product(x, delay, p->estimate, 0, p->n);
    }
    solve(gram, filters, order);
    free(gram);
    return filters;
}

static double *project(const problem *p, size_t first, size_t n_used)
{
    double *filters = best_filters(p, first, n_used), *out = numbers(p->n + p->taps);
    for (size_t k = 0; k < n_used * p->taps; k++) {
        for (size_t i = 0; i < p->n; i++) {
            out[i + k % p->taps] += filters[k] * p->references[first + k / p->taps][i];
        }
    }
    free(filters);
    return out;
}

static double ratio_db(const double *x, const double *y, size_t n)
{
    double of_x = 0.0, of_y = 0.0;
    for (size_t i = 0; i < n; i++) {
        of_x += x[i] * x[i];
        of_y += y[i] * y[i];
    }
    return 10.0 * log10(of_x / of_y);
}

reference_bss_score reference_bss(const double *const *references, size_t n_sources, size_t source,
                                  const double *estimate, size_t n, size_t taps)
{
    const problem p = {references, n, taps, estimate};
    const size_t length = n + taps;
    double *target = project(&p, source, 1), *known = project(&p, 0, n_sources);
    double *distortion = numbers(length), *interference = numbers(length);
    double *artifacts = numbers(length);
    for (size_t i = 0; i < length; i++) {
        const double e = i < n ? estimate[i] : 0.0;
        distortion[i] = e - target[i];
        interference[i] = known[i] - target[i];
        artifacts[i] = e - known[i];
    }
    const reference_bss_score score = {
        .sdr = ratio_db(target, distortion, length),
        .sir = ratio_db(target, interference, length),
        .sar = ratio_db(known, artifacts, length),
    };
    free(target), free(known), free(distortion), free(interference), free(artifacts);
    return score;
}
