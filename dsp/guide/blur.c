// SPDX-License-Identifier: GPL-3.0-or-later
// A Gaussian of two dimensions is a product: along time first, then along frequency.
#include "blur.h"
#include "ground/floats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// One side of the weights, that of the place itself first; they need not sum to one.
typedef struct gaussian {
    float *weights;
    size_t reach;
} gaussian;

static ub_status gaussian_new(double deviation, gaussian *out)
{
    out->reach = (size_t)ceil(3.0 * deviation);
    out->weights = ub_floats_new(out->reach + 1);
    for (size_t i = 0; out->weights && i <= out->reach; i++) {
        const double x = deviation > 0.0 ? (double)i / deviation : 0.0;
        out->weights[i] = (float)exp(-0.5 * x * x);
    }
    return out->weights ? UB_OK : UB_NO_MEMORY;
}

static float weight_at(const gaussian *g, size_t a, size_t b)
{
    return g->weights[a > b ? a - b : b - a];
}

// Of a line of n places: those within reach, and the sum of their weights.
static float neighbours(const gaussian *g, size_t at, size_t n, size_t *first, size_t *end)
{
    *first = at > g->reach ? at - g->reach : 0;
    *end = n - at > g->reach ? at + g->reach + 1 : n;
    float sum = 0.0f;
    for (size_t i = *first; i < *end; i++) {
        sum += weight_at(g, i, at);
    }
    return sum;
}

static void blur_along_time(const ub_matrix *V, const gaussian *g, ub_matrix *out)
{
    for (size_t t = 0; t < V->n_cols; t++) {
        size_t first, end;
        const float sum = neighbours(g, t, V->n_cols, &first, &end);
        float *y = ub_matrix_column(out, t);
        memset(y, 0, V->n_rows * sizeof *y);
        for (size_t i = first; i < end; i++) {
            const float w = weight_at(g, i, t) / sum, *v = ub_matrix_column(V, i);
            for (size_t f = 0; f < V->n_rows; f++) {
                y[f] += w * v[f];
            }
        }
    }
}

// Each weight moves a line as a whole, so that the loop over bins is the inner one.
static void blur_line(const gaussian *g, const float *x, const float *sums, size_t n, float *y)
{
    for (size_t f = 0; f < n; f++) {
        y[f] = g->weights[0] * x[f];
    }
    for (size_t i = 1; i <= g->reach && i < n; i++) {
        const float w = g->weights[i];
        for (size_t f = i; f < n; f++) {
            y[f] += w * x[f - i];
        }
        for (size_t f = 0; f + i < n; f++) {
            y[f] += w * x[f + i];
        }
    }
    for (size_t f = 0; f < n; f++) {
        y[f] /= sums[f];
    }
}

static ub_status blur_along_frequency(const gaussian *g, ub_matrix *out)
{
    const size_t n = out->n_rows;
    float *line = ub_floats_new(n), *sums = ub_floats_new(n);
    const ub_status status = line && sums ? UB_OK : UB_NO_MEMORY;
    for (size_t f = 0; !status && f < n; f++) {
        size_t first, end;
        sums[f] = neighbours(g, f, n, &first, &end);
    }
    for (size_t t = 0; !status && t < out->n_cols; t++) {
        float *y = ub_matrix_column(out, t);
        memcpy(line, y, n * sizeof *line);
        blur_line(g, line, sums, n, y);
    }
    free(line);
    free(sums);
    return status;
}

ub_status ub_blur(const ub_matrix *V, double frames, double bins, ub_matrix *out)
{
    gaussian along_time = {0}, along_frequency = {0};
    ub_status status = gaussian_new(frames, &along_time);
    status = status ? status : gaussian_new(bins, &along_frequency);
    if (!status) {
        blur_along_time(V, &along_time, out);
        status = blur_along_frequency(&along_frequency, out);
    }
    free(along_time.weights);
    free(along_frequency.weights);
    return status;
}
