// SPDX-License-Identifier: GPL-3.0-or-later
#include "fft.h"
#include "ground/floats.h"

#include <fftw3.h>
#include <stdlib.h>

// FFTW's real transforms of odd sizes take memory while they execute, complex ones do not: odd
// sizes go through a complex signal, at twice the cost.
struct ub_fft {
    size_t size;
    bool is_odd;
    size_t spectrum_at, complex_at; // floats from the start of the work space, aligned
    fftwf_plan forward, inverse;
};

bool ub_fft_size_is_good(size_t size)
{
    if (size < 2) {
        return false;
    }
    static const size_t primes[] = {2, 3, 5, 7};
    for (size_t i = 0; i < sizeof primes / sizeof *primes; i++) {
        while (size % primes[i] == 0) {
            size /= primes[i];
        }
    }
    return size == 1;
}

size_t ub_fft_work_size(const ub_fft *fft)
{
    return fft->complex_at + (fft->is_odd ? ub_floats_line(2 * fft->size) : 0);
}

ub_status ub_fft_work_new(const ub_fft *fft, float **out)
{
    float *work = ub_floats_new(ub_fft_work_size(fft));
    if (!work) {
        return UB_NO_MEMORY;
    }
    *out = work;
    return UB_OK;
}

void ub_fft_work_free(float *work)
{
    free(work);
}

float *ub_fft_signal(const ub_fft *fft, float *work)
{
    (void)fft;
    return work;
}

float complex *ub_fft_spectrum(const ub_fft *fft, float *work)
{
    return (float complex *)(void *)(work + fft->spectrum_at);
}

static fftwf_complex *spectrum_at(const ub_fft *fft, float *work)
{
    return (fftwf_complex *)(void *)(work + fft->spectrum_at);
}

static fftwf_complex *complex_at(const ub_fft *fft, float *work)
{
    return (fftwf_complex *)(void *)(work + fft->complex_at);
}

static bool make_plans(ub_fft *fft, float *work)
{
    fftwf_complex *spectrum = spectrum_at(fft, work), *signal = complex_at(fft, work);
    const int n = (int)fft->size;
    if (fft->is_odd) {
        fft->forward = fftwf_plan_dft_1d(n, signal, spectrum, FFTW_FORWARD, FFTW_ESTIMATE);
        fft->inverse = fftwf_plan_dft_1d(n, spectrum, signal, FFTW_BACKWARD, FFTW_ESTIMATE);
    } else {
        fft->forward = fftwf_plan_dft_r2c_1d(n, work, spectrum, FFTW_ESTIMATE);
        fft->inverse = fftwf_plan_dft_c2r_1d(n, spectrum, work, FFTW_ESTIMATE);
    }
    return fft->forward && fft->inverse;
}

ub_status ub_fft_new(size_t size, ub_fft **out)
{
    // Idempotent; FFTW keeps its lock from here on.
    fftwf_make_planner_thread_safe();
    float *work = NULL;
    ub_fft *fft = calloc(1, sizeof *fft);
    if (!fft) {
        return UB_NO_MEMORY;
    }
    fft->size = size;
    fft->is_odd = size % 2 != 0;
    fft->spectrum_at = ub_floats_line(size);
    // The complex transform fills the other half of the spectrum too.
    fft->complex_at = fft->spectrum_at + ub_floats_line(fft->is_odd ? 2 * size : size + 2);
    if (ub_fft_work_new(fft, &work) || !make_plans(fft, work)) {
        ub_fft_work_free(work);
        ub_fft_free(fft);
        return UB_NO_MEMORY;
    }
    ub_fft_work_free(work);
    *out = fft;
    return UB_OK;
}

void ub_fft_free(ub_fft *fft)
{
    if (fft) {
        fftwf_destroy_plan(fft->forward);
        fftwf_destroy_plan(fft->inverse);
        free(fft);
    }
}

static void forward_odd(const ub_fft *fft, float *work)
{
    fftwf_complex *signal = complex_at(fft, work);
    for (size_t n = 0; n < fft->size; n++) {
        signal[n] = work[n];
    }
    fftwf_execute_dft(fft->forward, signal, spectrum_at(fft, work));
}

static void inverse_odd(const ub_fft *fft, float *work)
{
    fftwf_complex *signal = complex_at(fft, work), *spectrum = spectrum_at(fft, work);
    for (size_t bin = 1; bin <= fft->size / 2; bin++) {
        spectrum[fft->size - bin] = conjf(spectrum[bin]);
    }
    fftwf_execute_dft(fft->inverse, spectrum, signal);
    // The real part alone: what the first bin's imaginary part makes is dropped.
    for (size_t n = 0; n < fft->size; n++) {
        work[n] = crealf(signal[n]);
    }
}

void ub_fft_forward(const ub_fft *fft, float *work)
{
    if (fft->is_odd) {
        forward_odd(fft, work);
    } else {
        fftwf_execute_dft_r2c(fft->forward, work, spectrum_at(fft, work));
    }
}

void ub_fft_inverse(const ub_fft *fft, float *work)
{
    if (fft->is_odd) {
        inverse_odd(fft, work);
    } else {
        fftwf_execute_dft_c2r(fft->inverse, spectrum_at(fft, work), work);
    }
}

struct ub_fft_double {
    double *signal;
    double complex *spectrum;
    fftw_plan forward, inverse;
};

ub_status ub_fft_double_new(size_t size, ub_fft_double **out)
{
    fftw_make_planner_thread_safe();
    ub_fft_double *fft = calloc(1, sizeof *fft);
    if (!fft) {
        return UB_NO_MEMORY;
    }
    fft->signal = fftw_alloc_real(size);
    fft->spectrum = (double complex *)fftw_alloc_complex(size / 2 + 1);
    if (fft->signal && fft->spectrum) {
        fft->forward = fftw_plan_dft_r2c_1d((int)size, fft->signal, (fftw_complex *)fft->spectrum,
                                            FFTW_ESTIMATE);
        fft->inverse = fftw_plan_dft_c2r_1d((int)size, (fftw_complex *)fft->spectrum, fft->signal,
                                            FFTW_ESTIMATE);
    }
    if (!fft->forward || !fft->inverse) {
        ub_fft_double_free(fft);
        return UB_NO_MEMORY;
    }
    *out = fft;
    return UB_OK;
}

void ub_fft_double_free(ub_fft_double *fft)
{
    if (fft) {
        fftw_destroy_plan(fft->forward);
        fftw_destroy_plan(fft->inverse);
        fftw_free(fft->signal);
        fftw_free(fft->spectrum);
        free(fft);
    }
}

double *ub_fft_double_signal(ub_fft_double *fft)
{
    return fft->signal;
}

double complex *ub_fft_double_spectrum(ub_fft_double *fft)
{
    return fft->spectrum;
}

void ub_fft_double_forward(ub_fft_double *fft)
{
    fftw_execute(fft->forward);
}

void ub_fft_double_inverse(ub_fft_double *fft)
{
    fftw_execute(fft->inverse);
}
