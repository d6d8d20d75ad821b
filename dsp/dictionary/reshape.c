// SPDX-License-Identifier: GPL-3.0-or-later
// The expected power of noise through a window is its spectrum convolved with that of the window:
// its autocorrelation times that of the window. So templates go to another window by the quotient
// of the two autocorrelations, both circular over the bins that there are. A window that falls
// within milliseconds leaks over hundreds of hertz, which templates of a smooth one explain by
// whatever is broad, drums and noise.
#include "reshape.h"
#include "transform/fft.h"
#include "unbraid/window.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

// Circular autocorrelation, one at lag 0: its first size / 2 + 1 lags, the others being the same.
static void correlate(const float *window, size_t size, ub_fft_double *fft, double *lags)
{
    double *signal = ub_fft_double_signal(fft);
    double complex *spectrum = ub_fft_double_spectrum(fft);
    for (size_t n = 0; n < size; n++) {
        signal[n] = (double)window[n];
    }
    ub_fft_double_forward(fft);
    for (size_t f = 0; f < size / 2 + 1; f++) {
        const double re = creal(spectrum[f]), im = cimag(spectrum[f]);
        spectrum[f] = re * re + im * im;
    }
    ub_fft_double_inverse(fft);
    for (size_t lag = 0; lag < size / 2 + 1; lag++) {
        lags[lag] = signal[lag] / signal[0];
    }
}

// Circular autocorrelations of windows, which are positive, are positive too.
static ub_status find_quotient(const ub_dictionary *dictionary, ub_window window, size_t hop,
                               ub_fft_double *fft, double *quotient)
{
    const size_t size = dictionary->window_samples, n_lags = size / 2 + 1;
    float *shape = malloc(2 * size * sizeof *shape);
    double *old = malloc(n_lags * sizeof *old);
    ub_status status = shape && old ? UB_OK : UB_NO_MEMORY;
    status = status ? status
                    : ub_window_fill(dictionary->window, size, dictionary->hop_samples, shape,
                                     shape + size, NULL);
    if (!status) {
        correlate(shape, size, fft, old);
        status = ub_window_fill(window, size, hop, shape, shape + size, NULL);
    }
    if (!status) {
        correlate(shape, size, fft, quotient);
        for (size_t lag = 0; lag < n_lags; lag++) {
            quotient[lag] /= old[lag];
        }
    }
    free(shape);
    free(old);
    return status;
}

// One spectrum of magnitudes.
static void reshape(const double *quotient, size_t size, ub_fft_double *fft, float *w)
{
    double *signal = ub_fft_double_signal(fft);
    double complex *spectrum = ub_fft_double_spectrum(fft);
    for (size_t f = 0; f < size / 2 + 1; f++) {
        spectrum[f] = (double)w[f] * (double)w[f];
    }
    ub_fft_double_inverse(fft);
    for (size_t n = 0; n < size; n++) {
        signal[n] *= quotient[n <= size / 2 ? n : size - n] / (double)size;
    }
    ub_fft_double_forward(fft);
    for (size_t f = 0; f < size / 2 + 1; f++) {
        // What is no spectrum of that window may end below nothing, the largest numbers beyond.
        w[f] = (float)fmin(sqrt(fmax(creal(spectrum[f]), 0.0)), FLT_MAX);
    }
}

static void reshape_matrix(const double *quotient, size_t size, ub_fft_double *fft,
                           ub_matrix *matrix)
{
    const size_t n_bins = size / 2 + 1;
    for (size_t k = 0; k < matrix->n_cols; k++) {
        for (size_t first = 0; first + n_bins <= matrix->n_rows; first += n_bins) {
            reshape(quotient, size, fft, ub_matrix_column(matrix, k) + first);
        }
    }
}

static size_t hop_within(size_t hop, size_t size)
{
    return hop < 1 ? 1 : hop > size / 2 ? size / 2 : hop;
}

ub_status ub_dictionary_reshape(ub_dictionary *dictionary, ub_window window, size_t fall_samples)
{
    const size_t size = dictionary->window_samples;
    if (window == dictionary->window && window != UB_WINDOW_ASYMMETRIC) {
        return UB_OK;
    }
    double *quotient = malloc((size / 2 + 1) * sizeof *quotient);
    ub_fft_double *fft = NULL;
    ub_status status = quotient ? ub_fft_double_new(size, &fft) : UB_NO_MEMORY;
    status = status
                 ? status
                 : find_quotient(dictionary, window, hop_within(fall_samples, size), fft, quotient);
    if (!status) {
        reshape_matrix(quotient, size, fft, &dictionary->templates);
        reshape_matrix(quotient, size, fft, &dictionary->context);
        reshape_matrix(quotient, size, fft, &dictionary->reconstruction);
    }
    ub_fft_double_free(fft);
    free(quotient);
    return status;
}
