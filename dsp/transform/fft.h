// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Discrete Fourier transform of real signals. The one door to FFTW. Private header.

   Plans are made with FFTW_ESTIMATE, so that the same input gives the same bits in every run, and
   under FFTW's own lock, since every plugin of a process shares its planner. Executing neither
   allocates nor writes to the plan: any number of threads may do it at once.
*/
#ifndef UNBRAID_TRANSFORM_FFT_H
#define UNBRAID_TRANSFORM_FFT_H

#include "unbraid/status.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct ub_fft ub_fft;

/** True for sizes that are transformed without allocating: products of 2, 3, 5 and 7, from 2. */
bool ub_fft_size_is_good(size_t size);

/** @param size  A good size from 2 to 2^24. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_fft_new(size_t size, ub_fft **out);
void ub_fft_free(ub_fft *fft);

/** Floats of one thread's buffers: the signal, the spectrum and what the transform needs. */
UB_RT size_t ub_fft_work_size(const ub_fft *fft);
ub_status ub_fft_work_new(const ub_fft *fft, float **out);
void ub_fft_work_free(float *work);

/** Where in the work space the signal (`size`) and the spectrum (size / 2 + 1 bins) lie. */
UB_RT float *ub_fft_signal(const ub_fft *fft, float *work);
UB_RT float complex *ub_fft_spectrum(const ub_fft *fft, float *work);

/** Signal to spectrum, not scaled. */
UB_RT void ub_fft_forward(const ub_fft *fft, float *work);

/** Spectrum to signal times size; the spectrum is destroyed. */
UB_RT void ub_fft_inverse(const ub_fft *fft, float *work);

/** The same in double precision, for correlations that are reported. Sizes as above. */
typedef struct ub_fft_double ub_fft_double;

/** @return UB_OK or UB_NO_MEMORY. The object has buffers of its own: one thread at a time. */
ub_status ub_fft_double_new(size_t size, ub_fft_double **out);
void ub_fft_double_free(ub_fft_double *fft);

/** Its buffers: `size` real numbers, size / 2 + 1 complex ones. */
double *ub_fft_double_signal(ub_fft_double *fft);
double complex *ub_fft_double_spectrum(ub_fft_double *fft);

/** Signal buffer to spectrum buffer, and back (times size; the spectrum is destroyed). */
void ub_fft_double_forward(ub_fft_double *fft);
void ub_fft_double_inverse(ub_fft_double *fft);

#endif
