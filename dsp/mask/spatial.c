// SPDX-License-Identifier: GPL-3.0-or-later
// One system of C equations per bin and frame serves all sources: with z = (sum_i v_i R_i)^-1 x,
// source j is v_j R_j z. Everything is in double, as covariances of quiet bins are tiny.
#include "spatial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST = UB_SPATIAL_MOST_CHANNELS,
    MOST_SOURCES = UB_SPATIAL_MOST_SOURCES,
    POWER_STEPS = 30 // to the largest eigenvector; more change nothing that is heard
};

// Share of the mean diagonal that is added to it: what channels share exactly has no inverse.
static const double DIAGONAL = 1e-4;

struct ub_spatial {
    size_t n_channels, n_sources, n_bins, n_rounds;
    bool rank_one;
    double complex **rounds; // [round]: [bin][source][row][column] R_j, of rounds that are complete
    double complex *products; // the same shape: sums of y y^H of the round that is heard
    double *energies; // [bin][source]: sums of v
};

void ub_spatial_free(ub_spatial *spatial)
{
    if (spatial) {
        for (size_t r = 0; r < spatial->n_rounds; r++) {
            free(spatial->rounds[r]);
        }
        free(spatial->rounds);
        free(spatial->products);
        free(spatial->energies);
        free(spatial);
    }
}

static size_t size_of_bin(const ub_spatial *s)
{
    return s->n_sources * s->n_channels * s->n_channels;
}

static bool start_round(ub_spatial *s)
{
    s->products = calloc(s->n_bins * size_of_bin(s), sizeof *s->products);
    if (!s->products) {
        return false;
    }
    memset(s->energies, 0, s->n_bins * s->n_sources * sizeof *s->energies);
    return true;
}

ub_status ub_spatial_new(size_t n_channels, size_t n_sources, size_t n_bins, bool rank_one,
                         ub_spatial **out)
{
    ub_spatial *s = calloc(1, sizeof *s);
    if (!s) {
        return UB_NO_MEMORY;
    }
    s->n_channels = n_channels;
    s->n_sources = n_sources;
    s->n_bins = n_bins;
    s->rank_one = rank_one;
    s->energies = calloc(n_bins * n_sources, sizeof *s->energies);
    if (!s->energies || !start_round(s)) {
        ub_spatial_free(s);
        return UB_NO_MEMORY;
    }
    *out = s;
    return UB_OK;
}

// ---- small Hermitian matrices, row by row ------------------------------------------------------

static double norm2(double complex z)
{
    return creal(z) * creal(z) + cimag(z) * cimag(z);
}

// A = L L^H in place, lower part; A is positive definite.
static void factorise(size_t n, double complex *A)
{
    for (size_t j = 0; j < n; j++) {
        for (size_t k = 0; k < j; k++) {
            A[j * n + j] -= norm2(A[j * n + k]);
        }
        const double pivot = sqrt(fmax(creal(A[j * n + j]), 1e-300));
        A[j * n + j] = pivot;
        for (size_t i = j + 1; i < n; i++) {
            for (size_t k = 0; k < j; k++) {
                A[i * n + j] -= A[i * n + k] * conj(A[j * n + k]);
            }
            A[i * n + j] /= pivot;
        }
    }
}

// x <- (L L^H)^-1 x
static void solve(size_t n, const double complex *L, double complex *x)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            x[i] -= L[i * n + k] * x[k];
        }
        x[i] /= creal(L[i * n + i]);
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++) {
            x[i] -= conj(L[k * n + i]) * x[k];
        }
        x[i] /= creal(L[i * n + i]);
    }
}

// R <- R u u^H R / (u^H R u), u near its largest eigenvector: the power method, from its largest
// column on.
static void keep_largest(size_t n, double complex *R)
{
    size_t largest = 0;
    for (size_t i = 1; i < n; i++) {
        largest = creal(R[i * n + i]) > creal(R[largest * n + largest]) ? i : largest;
    }
    double complex u[MOST], next[MOST];
    for (size_t i = 0; i < n; i++) {
        u[i] = R[i * n + largest];
    }
    double length = 0.0;
    for (size_t step = 0; step < POWER_STEPS; step++) {
        length = 0.0;
        for (size_t i = 0; i < n; i++) {
            next[i] = 0.0;
            for (size_t k = 0; k < n; k++) {
                next[i] += R[i * n + k] * u[k];
            }
            length += norm2(next[i]);
        }
        length = sqrt(length);
        for (size_t i = 0; length > 0.0 && i < n; i++) {
            u[i] = next[i] / length;
        }
    }
    for (size_t i = 0; i < n * n; i++) {
        R[i] = length * u[i / n] * conj(u[i % n]);
    }
}

// ---- one bin -----------------------------------------------------------------------------------

// v_j of a bin in a frame, and their sum.
static double weigh(const ub_spatial *s, const ub_spatial_frame *frame, size_t bin, double *v)
{
    double sum = 0.0;
    for (size_t j = 0; j < s->n_sources; j++) {
        v[j] = 0.0;
        for (size_t c = 0; c < s->n_channels; c++) {
            v[j] += norm2(frame->sources[j * s->n_channels + c][bin]);
        }
        v[j] /= (double)s->n_channels;
        sum += v[j];
    }
    return sum;
}

// z = (sum_i v_i R_i)^-1 x
static void explain(const ub_spatial *s, const double complex *R, const double *v,
                    const ub_spatial_frame *frame, size_t bin, double complex *z)
{
    const size_t n = s->n_channels;
    double complex A[MOST * MOST] = {0};
    for (size_t j = 0; j < s->n_sources; j++) {
        for (size_t i = 0; i < n * n; i++) {
            A[i] += v[j] * R[j * n * n + i];
        }
    }
    double trace = 0.0;
    for (size_t i = 0; i < n; i++) {
        trace += creal(A[i * n + i]);
    }
    for (size_t i = 0; i < n; i++) {
        A[i * n + i] += DIAGONAL * trace / (double)n;
        z[i] = frame->mix[i][bin];
    }
    factorise(n, A);
    solve(n, A, z);
}

// What the diagonal has taken is shared out by v, so that the sources sum to the mix.
static void refine(const ub_spatial *s, const double complex *R, const ub_spatial_frame *frame,
                   size_t bin, double *v)
{
    const size_t n = s->n_channels;
    const double sum = weigh(s, frame, bin, v);
    if (!(sum > 1e-60 && isfinite(sum))) {
        return; // nothing sounds
    }
    double complex z[MOST], left[MOST];
    explain(s, R, v, frame, bin, z);
    for (size_t c = 0; c < n; c++) {
        left[c] = frame->mix[c][bin];
    }
    for (size_t j = 0; j < s->n_sources; j++) {
        const double complex *Rj = R + j * n * n;
        for (size_t c = 0; c < n; c++) {
            double complex y = 0.0;
            for (size_t i = 0; i < n; i++) {
                y += Rj[c * n + i] * z[i];
            }
            left[c] -= v[j] * y;
            frame->sources[j * n + c][bin] = (float complex)(v[j] * y);
        }
    }
    for (size_t i = 0; i < s->n_sources * n; i++) {
        frame->sources[i][bin] += (float complex)(v[i / n] / sum * left[i % n]);
    }
}

static void refine_all(const ub_spatial *s, const ub_spatial_frame *frame, size_t bin, double *v)
{
    for (size_t r = 0; r < s->n_rounds; r++) {
        refine(s, s->rounds[r] + bin * size_of_bin(s), frame, bin, v);
    }
}

static void add(ub_spatial *s, const ub_spatial_frame *frame, size_t bin, double *v)
{
    const size_t n = s->n_channels;
    const double sum = weigh(s, frame, bin, v);
    double complex *products = s->products + bin * size_of_bin(s);
    for (size_t j = 0; isfinite(sum) && j < s->n_sources; j++) {
        s->energies[bin * s->n_sources + j] += v[j];
        for (size_t i = 0; i < n * n; i++) {
            const double complex row = frame->sources[j * n + i / n][bin];
            const double complex column = frame->sources[j * n + i % n][bin];
            products[j * n * n + i] += row * conj(column);
        }
    }
}

void ub_spatial_hear(ub_spatial *spatial, const ub_spatial_frame *frames, size_t n_frames,
                     size_t n_threads)
{
    (void)n_threads; // without OpenMP
#pragma omp parallel for schedule(static) num_threads((int)n_threads)
    for (size_t bin = 0; bin < spatial->n_bins; bin++) {
        double v[MOST_SOURCES];
        for (size_t t = 0; t < n_frames; t++) {
            refine_all(spatial, &frames[t], bin, v);
            add(spatial, &frames[t], bin, v);
        }
    }
}

void ub_spatial_filter(const ub_spatial *spatial, const ub_spatial_frame *frames, size_t n_frames,
                       size_t n_threads)
{
    (void)n_threads;
#pragma omp parallel for schedule(static) num_threads((int)n_threads)
    for (size_t bin = 0; bin < spatial->n_bins; bin++) {
        double v[MOST_SOURCES];
        for (size_t t = 0; t < n_frames; t++) {
            refine_all(spatial, &frames[t], bin, v);
        }
    }
}

// Sums to covariances, in place. A source that is silent in a bin stays nowhere: its v is zero too.
static void normalise(ub_spatial *s)
{
    const size_t n = s->n_channels;
    for (size_t i = 0; i < s->n_bins * s->n_sources; i++) {
        double complex *R = s->products + i * n * n;
        for (size_t k = 0; k < n * n; k++) {
            R[k] = s->energies[i] > 0.0 ? R[k] / s->energies[i] : 0.0;
        }
        if (s->rank_one) {
            keep_largest(n, R);
        }
    }
}

ub_status ub_spatial_end_round(ub_spatial *spatial)
{
    double complex **rounds =
        realloc(spatial->rounds, (spatial->n_rounds + 1) * sizeof(double complex *));
    if (!rounds) {
        return UB_NO_MEMORY;
    }
    spatial->rounds = rounds;
    normalise(spatial);
    rounds[spatial->n_rounds++] = spatial->products;
    spatial->products = NULL;
    return start_round(spatial) ? UB_OK : UB_NO_MEMORY;
}
