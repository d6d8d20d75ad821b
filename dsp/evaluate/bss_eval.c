// SPDX-License-Identifier: GPL-3.0-or-later
// The estimate e is projected on the span of 512 delays of the reference, and of all references.
// With the Gram matrix G of the delayed references and d = their products with e, the energy of a
// projection is d' G^-1 d, and since the spans are nested and projections orthogonal,
//   target = d_j' G_jj^-1 d_j,  interference = d' G^-1 d - target,  artifacts = |e|^2 - d' G^-1 d,
// so that no signal has to be filtered.
#include "bss_eval.h"
#include "transform/fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TAPS = UB_BSS_TAPS };

struct ub_bss {
    size_t n_sources, n, order; // order = n_sources * TAPS
    ub_fft_double *fft;
    size_t fft_size;
    double complex *spectra; // of the references, one after the other
    double *all; // Cholesky factor of the Gram matrix, lower, row by row
    double *own; // the same of each reference alone
    double *products; // order
    double *solution; // order
};

void ub_bss_free(ub_bss *bss)
{
    if (bss) {
        ub_fft_double_free(bss->fft);
        free(bss->spectra);
        free(bss->all);
        free(bss->own);
        free(bss->products);
        free(bss->solution);
        free(bss);
    }
}

static size_t good_size(size_t n)
{
    n += n % 2;
    while (!ub_fft_size_is_good(n)) {
        n += 2;
    }
    return n;
}

static double dot(const double *x, const double *y, size_t n)
{
    double part[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (size_t j = 0; j < 8; j++) {
            part[j] += x[i + j] * y[i + j];
        }
    }
    for (; i < n; i++) {
        part[0] += x[i] * y[i];
    }
    return ((part[0] + part[1]) + (part[2] + part[3])) +
           ((part[4] + part[5]) + (part[6] + part[7]));
}

// In place, lower triangle of n x n rows. A direction that the others already span (silent or
// equal references) has no pivot of its own: its row is taken out by an infinite pivot.
static void cholesky(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double *row = a + i * n;
        const double own = row[i];
        for (size_t j = 0; j < i; j++) {
            row[j] = (row[j] - dot(row, a + j * n, j)) / a[j * n + j];
        }
        const double pivot = own - dot(row, row, i);
        row[i] = pivot > 1e-15 * own ? sqrt(pivot) : INFINITY;
    }
}

// d' (L L')^-1 d = |L^-1 d|^2.
static double inverse_form(const double *factor, size_t n, const double *d, double *x)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = (d[i] - dot(factor + i * n, x, i)) / factor[i * n + i];
    }
    return dot(x, x, n);
}

static void transform(ub_bss *bss, const double *signal, double complex *spectrum)
{
    double *buffer = ub_fft_double_signal(bss->fft);
    memset(buffer, 0, bss->fft_size * sizeof *buffer);
    memcpy(buffer, signal, bss->n * sizeof *buffer);
    ub_fft_double_forward(bss->fft);
    memcpy(spectrum, ub_fft_double_spectrum(bss->fft), (bss->fft_size / 2 + 1) * sizeof *spectrum);
}

// Cross-correlation: lag m at index m, negative lags from the end.
static const double *correlate(ub_bss *bss, const double complex *x, const double complex *y)
{
    double complex *product = ub_fft_double_spectrum(bss->fft);
    for (size_t i = 0; i < bss->fft_size / 2 + 1; i++) {
        product[i] = x[i] * conj(y[i]) / (double)bss->fft_size;
    }
    ub_fft_double_inverse(bss->fft);
    return ub_fft_double_signal(bss->fft);
}

static double complex *spectrum_of(const ub_bss *bss, size_t source)
{
    return bss->spectra + source * (bss->fft_size / 2 + 1);
}

// Block (i, j): products of reference i delayed by a with reference j delayed by b.
static void fill_block(ub_bss *bss, size_t i, size_t j)
{
    const double *r = correlate(bss, spectrum_of(bss, i), spectrum_of(bss, j));
    for (size_t a = 0; a < TAPS; a++) {
        double *row = bss->all + (i * TAPS + a) * bss->order + j * TAPS;
        for (size_t b = 0; b < TAPS; b++) {
            row[b] = b >= a ? r[b - a] : r[bss->fft_size - (a - b)];
        }
    }
}

static void fill_factors(ub_bss *bss)
{
    for (size_t i = 0; i < bss->n_sources; i++) {
        for (size_t j = 0; j <= i; j++) {
            fill_block(bss, i, j);
        }
        double *own = bss->own + i * TAPS * TAPS;
        for (size_t a = 0; a < TAPS; a++) {
            memcpy(own + a * TAPS, bss->all + (i * TAPS + a) * bss->order + i * TAPS,
                   TAPS * sizeof *own);
        }
        cholesky(own, TAPS);
    }
    cholesky(bss->all, bss->order);
}

ub_status ub_bss_new(const double *const *references, size_t n_sources, size_t n, ub_bss **out)
{
    ub_bss *bss = calloc(1, sizeof *bss);
    if (!bss) {
        return UB_NO_MEMORY;
    }
    bss->n_sources = n_sources;
    bss->n = n;
    bss->order = n_sources * TAPS;
    bss->fft_size = good_size(n + TAPS);
    const size_t n_bins = bss->fft_size / 2 + 1;
    bss->spectra = calloc((n_sources + 1) * n_bins, sizeof *bss->spectra);
    bss->all = calloc(bss->order * bss->order, sizeof *bss->all);
    bss->own = calloc(n_sources * TAPS * TAPS, sizeof *bss->own);
    bss->products = calloc(bss->order, sizeof *bss->products);
    bss->solution = calloc(bss->order, sizeof *bss->solution);
    if (!bss->spectra || !bss->all || !bss->own || !bss->products || !bss->solution ||
        ub_fft_double_new(bss->fft_size, &bss->fft)) {
        ub_bss_free(bss);
        return UB_NO_MEMORY;
    }
    for (size_t j = 0; j < n_sources; j++) {
        transform(bss, references[j], spectrum_of(bss, j));
    }
    fill_factors(bss);
    *out = bss;
    return UB_OK;
}

static double ratio_db(double energy, double of)
{
    // What rounding leaves of a vanishing difference is no distortion.
    return 10.0 * log10(energy / fmax(of, 0.0));
}

ub_status ub_bss_score(ub_bss *bss, size_t source, const double *estimate, ub_score *score)
{
    double complex *spectrum = spectrum_of(bss, bss->n_sources);
    transform(bss, estimate, spectrum);
    for (size_t j = 0; j < bss->n_sources; j++) {
        const double *r = correlate(bss, spectrum_of(bss, j), spectrum);
        for (size_t a = 0; a < TAPS; a++) {
            bss->products[j * TAPS + a] = a ? r[bss->fft_size - a] : r[0];
        }
    }
    const double energy = dot(estimate, estimate, bss->n);
    const double target = inverse_form(bss->own + source * TAPS * TAPS, TAPS,
                                       bss->products + source * TAPS, bss->solution);
    const double known = inverse_form(bss->all, bss->order, bss->products, bss->solution);
    score->bss_sdr = ratio_db(target, energy - target);
    score->bss_sir = ratio_db(target, known - target);
    score->bss_sar = ratio_db(known, energy - known);
    return UB_OK;
}
