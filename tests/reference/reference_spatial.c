// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_spatial.h"

#include <stdlib.h>

// B <- A^-1 by Gauss and Jordan, with the largest pivot of each column.
static void invert(size_t n, double complex *A, double complex *B)
{
    for (size_t i = 0; i < n * n; i++) {
        B[i] = i / n == i % n ? 1.0 : 0.0;
    }
    for (size_t column = 0; column < n; column++) {
        size_t pivot = column;
        for (size_t row = column; row < n; row++) {
            pivot = cabs(A[row * n + column]) > cabs(A[pivot * n + column]) ? row : pivot;
        }
        const double complex by = A[pivot * n + column];
        for (size_t i = 0; i < n; i++) {
            const double complex a = A[pivot * n + i], b = B[pivot * n + i];
            A[pivot * n + i] = A[column * n + i];
            B[pivot * n + i] = B[column * n + i];
            A[column * n + i] = a / by;
            B[column * n + i] = b / by;
        }
        for (size_t row = 0; row < n; row++) {
            const double complex times = A[row * n + column];
            for (size_t i = 0; row != column && i < n; i++) {
                A[row * n + i] -= times * A[column * n + i];
                B[row * n + i] -= times * B[column * n + i];
            }
        }
    }
}

static double power(size_t n, const double complex *y)
{
    double sum = 0.0;
    for (size_t c = 0; c < n; c++) {
        sum += cabs(y[c]) * cabs(y[c]);
    }
    return sum / (double)n;
}

// R[source][row][column] of all frames.
static void covariances(size_t n, size_t n_sources, size_t n_frames, const double complex *sources,
                        double complex *R)
{
    for (size_t j = 0; j < n_sources; j++) {
        double energy = 0.0;
        for (size_t i = 0; i < n * n; i++) {
            R[j * n * n + i] = 0.0;
        }
        for (size_t t = 0; t < n_frames; t++) {
            const double complex *y = sources + (t * n_sources + j) * n;
            energy += power(n, y);
            for (size_t i = 0; i < n * n; i++) {
                R[j * n * n + i] += y[i / n] * conj(y[i % n]);
            }
        }
        for (size_t i = 0; energy > 0.0 && i < n * n; i++) {
            R[j * n * n + i] /= energy;
        }
    }
}

static void filter_frame(size_t n, size_t n_sources, double diagonal, const double complex *R,
                         const double complex *mix, double complex *sources)
{
    double complex *A = calloc(2 * n * n, sizeof *A), *inverse = A + n * n;
    double *v = calloc(n_sources, sizeof *v);
    double complex *left = calloc(n, sizeof *left);
    double complex trace = 0.0;
    double sum = 0.0;
    for (size_t j = 0; j < n_sources; j++) {
        v[j] = power(n, sources + j * n);
        sum += v[j];
        for (size_t i = 0; i < n * n; i++) {
            A[i] += v[j] * R[j * n * n + i];
        }
    }
    for (size_t c = 0; c < n; c++) {
        trace += A[c * n + c];
        left[c] = mix[c];
    }
    for (size_t c = 0; c < n; c++) {
        A[c * n + c] += diagonal * trace / (double)n;
    }
    invert(n, A, inverse);
    for (size_t i = 0; i < n_sources * n; i++) {
        const size_t j = i / n, row = i % n;
        sources[i] = 0.0;
        for (size_t k = 0; k < n * n; k++) {
            sources[i] += v[j] * R[(j * n + row) * n + k / n] * inverse[k] * mix[k % n];
        }
        left[row] -= sources[i];
    }
    for (size_t i = 0; i < n_sources * n; i++) {
        sources[i] += v[i / n] / sum * left[i % n];
    }
    free(A);
    free(v);
    free(left);
}

void reference_spatial(size_t n_channels, size_t n_sources, size_t n_frames, size_t n_rounds,
                       double diagonal, const double complex *mix, double complex *sources)
{
    const size_t n = n_channels;
    double complex *R = calloc(n_sources * n * n, sizeof *R);
    for (size_t round = 0; round < n_rounds; round++) {
        covariances(n, n_sources, n_frames, sources, R);
        for (size_t t = 0; t < n_frames; t++) {
            filter_frame(n, n_sources, diagonal, R, mix + t * n, sources + t * n_sources * n);
        }
    }
    free(R);
}
