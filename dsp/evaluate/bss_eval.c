// SPDX-License-Identifier: GPL-3.0-or-later
// The estimate e is projected on the span of 512 delays of the reference, and of all references.
// With the Gram matrix G of the delayed references and d = their products with e, the energy of a
// projection is d' G^-1 d, and since the spans are nested and projections orthogonal,
//   target = d_j' G_jj^-1 d_j,  interference = d' G^-1 d - target,  artifacts = |e|^2 - d' G^-1 d,
// so that no signal has to be filtered. G and d hold correlations at lags below 512. These come
// block by block: each block of one signal against the same stretch of the other and 511 samples
// to either side, products of spectra summed over the blocks, one inverse transform at the end.
#include "bss_eval.h"
#include "cholesky.h"
#include "ground/progress_part.h"
#include "transform/fft.h"

#include <complex.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TAPS = UB_BSS_TAPS,
    MARGIN = TAPS - 1,
    FFT_SIZE = 16384,
    N_BINS = FFT_SIZE / 2 + 1,
    BLOCK = FFT_SIZE - 2 * MARGIN,
    MOST_SOURCES = 4096, // far from an overflow of (sources * taps)^2 numbers
};

// Of the estimate's energy: what rounding may leave of a difference that should vanish.
static const double LEAST = 1e-14;

typedef struct bss {
    size_t n, order; // order = n * TAPS
    const ub_score_signal *references, *estimates;
    ub_fft_double *fft;
    // Spectra of the present block, N_BINS each: references alone, references and estimates with
    // their margins.
    double complex *inner, *outer, *guesses;
    double complex *gram; // sums of inner' outer by pair of references, the second <= the first
    double complex *cross; // and by reference and estimate
    double *energies; // of the estimates
    double *all; // order x order, Gram matrix and then its factor
    double *own; // the same of each reference alone, n of TAPS x TAPS
    double *products, *work; // order
} bss;

static void bss_free(bss *b)
{
    ub_fft_double_free(b->fft);
    free(b->inner);
    free(b->outer);
    free(b->guesses);
    free(b->gram);
    free(b->cross);
    free(b->energies);
    free(b->all);
    free(b->own);
    free(b->products);
    free(b->work);
}

static ub_status bss_new(bss *b)
{
    if (b->n > MOST_SOURCES) {
        return UB_NO_MEMORY;
    }
    const size_t n = b->n, spectrum = N_BINS * sizeof(double complex);
    b->order = n * TAPS;
    b->inner = calloc(n, spectrum);
    b->outer = calloc(n, spectrum);
    b->guesses = calloc(n, spectrum);
    b->gram = calloc(n * (n + 1) / 2, spectrum);
    b->cross = calloc(n * n, spectrum);
    b->energies = calloc(n, sizeof *b->energies);
    b->all = calloc(b->order * b->order, sizeof *b->all);
    b->own = calloc(b->order * TAPS, sizeof *b->own);
    b->products = calloc(b->order, sizeof *b->products);
    b->work = calloc(b->order, sizeof *b->work);
    if (!b->inner || !b->outer || !b->guesses || !b->gram || !b->cross || !b->energies || !b->all ||
        !b->own || !b->products || !b->work) {
        return UB_NO_MEMORY;
    }
    return ub_fft_double_new(FFT_SIZE, &b->fft);
}

static void keep_spectrum(bss *b, double complex *spectrum)
{
    ub_fft_double_forward(b->fft);
    memcpy(spectrum, ub_fft_double_spectrum(b->fft), N_BINS * sizeof *spectrum);
}

// sum += conj(x) y
static void add_product(double complex *sum, const double complex *x, const double complex *y)
{
    // In parts: the complex product of C99 looks for infinities and does not vectorise.
    double *s = (double *)sum;
    const double *a = (const double *)x, *b = (const double *)y;
    for (size_t i = 0; i < 2 * N_BINS; i += 2) {
        s[i] += a[i] * b[i] + a[i + 1] * b[i + 1];
        s[i + 1] += a[i] * b[i + 1] - a[i + 1] * b[i];
    }
}

static double complex *gram_of(const bss *b, size_t i, size_t j)
{
    return b->gram + (i * (i + 1) / 2 + j) * N_BINS;
}

static double complex *cross_of(const bss *b, size_t reference, size_t estimate)
{
    return b->cross + (reference * b->n + estimate) * N_BINS;
}

static void transform_block(bss *b, size_t first)
{
    double *samples = ub_fft_double_signal(b->fft);
    for (size_t j = 0; j < b->n; j++) {
        ub_score_signal_read_mono(&b->references[j], MARGIN, first, FFT_SIZE, samples);
        keep_spectrum(b, b->outer + j * N_BINS);
        memset(samples, 0, FFT_SIZE * sizeof *samples);
        ub_score_signal_read_mono(&b->references[j], 0, first, BLOCK, samples + MARGIN);
        keep_spectrum(b, b->inner + j * N_BINS);
        ub_score_signal_read_mono(&b->estimates[j], MARGIN, first, FFT_SIZE, samples);
        double energy = 0.0;
        for (size_t i = MARGIN; i < MARGIN + BLOCK; i++) {
            energy += samples[i] * samples[i];
        }
        b->energies[j] += energy;
        keep_spectrum(b, b->guesses + j * N_BINS);
    }
}

static ub_status correlate(bss *b, const ub_progress *progress)
{
    const size_t n_samples = b->references[0].n_samples;
    for (size_t first = 0; first < n_samples; first += BLOCK) {
        const ub_status status =
            ub_progress_report(progress, "score", (double)first / (double)n_samples);
        if (status) {
            return status;
        }
        transform_block(b, first);
        for (size_t i = 0; i < b->n; i++) {
            const double complex *inner = b->inner + i * N_BINS;
            for (size_t j = 0; j < b->n; j++) {
                if (j <= i) {
                    add_product(gram_of(b, i, j), inner, b->outer + j * N_BINS);
                }
                add_product(cross_of(b, i, j), inner, b->guesses + j * N_BINS);
            }
        }
    }
    return UB_OK;
}

// sum_n x[n] y[n + lag] at index lag, negative lags from the end.
static const double *correlation(bss *b, const double complex *product)
{
    double complex *spectrum = ub_fft_double_spectrum(b->fft);
    for (size_t i = 0; i < N_BINS; i++) {
        spectrum[i] = product[i] / (double)FFT_SIZE;
    }
    ub_fft_double_inverse(b->fft);
    return ub_fft_double_signal(b->fft);
}

// Block (i, j): products of reference i delayed by p with reference j delayed by q.
static void fill_block(bss *b, size_t i, size_t j)
{
    const double *r = correlation(b, gram_of(b, i, j));
    for (size_t p = 0; p < TAPS; p++) {
        double *row = b->all + (i * TAPS + p) * b->order + j * TAPS;
        for (size_t q = 0; q < TAPS; q++) {
            row[q] = p >= q ? r[p - q] : r[FFT_SIZE - (q - p)];
        }
    }
}

static ub_status factor(bss *b, const ub_progress *progress)
{
    for (size_t i = 0; i < b->n; i++) {
        for (size_t j = 0; j <= i; j++) {
            fill_block(b, i, j);
        }
        double *own = b->own + i * TAPS * TAPS;
        for (size_t p = 0; p < TAPS; p++) {
            memcpy(own + p * TAPS, b->all + (i * TAPS + p) * b->order + i * TAPS,
                   TAPS * sizeof *own);
        }
        const ub_status status = ub_cholesky(own, TAPS, NULL);
        if (status) {
            return status;
        }
    }
    return ub_cholesky(b->all, b->order, progress);
}

static void score_one(bss *b, size_t source, ub_score *score)
{
    for (size_t j = 0; j < b->n; j++) {
        memcpy(b->products + j * TAPS, correlation(b, cross_of(b, j, source)),
               TAPS * sizeof *b->products);
    }
    const double energy = b->energies[source];
    const double target =
        ub_cholesky_form(b->own + source * TAPS * TAPS, TAPS, b->products + source * TAPS, b->work);
    const double known = ub_cholesky_form(b->all, b->order, b->products, b->work);
    const double least = LEAST * energy + DBL_MIN;
    score->bss_sdr = 10.0 * log10(target / fmax(energy - target, least));
    score->bss_sir = 10.0 * log10(target / fmax(known - target, least));
    score->bss_sar = 10.0 * log10(known / fmax(energy - known, least));
}

ub_status ub_bss_score(const ub_score_signal *references, const ub_score_signal *estimates,
                       size_t n, const ub_progress *progress, ub_score *scores)
{
    bss b = {.n = n, .references = references, .estimates = estimates};
    ub_progress_part first = {progress, 0.0, 0.4}, second = {progress, 0.4, 1.0};
    const ub_progress correlating = ub_progress_of_part(&first);
    const ub_progress factoring = ub_progress_of_part(&second);
    ub_status status = bss_new(&b);
    status = status ? status : correlate(&b, &correlating);
    status = status ? status : factor(&b, &factoring);
    for (size_t j = 0; !status && j < n; j++) {
        score_one(&b, j, &scores[j]);
    }
    bss_free(&b);
    return status;
}
