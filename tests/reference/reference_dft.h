// SPDX-License-Identifier: GPL-3.0-or-later
/** The discrete Fourier transform by its definition, in double precision. */
#ifndef UNBRAID_TESTS_REFERENCE_DFT_H
#define UNBRAID_TESTS_REFERENCE_DFT_H

#include <complex.h>
#include <stddef.h>

/** Bins 0 to n / 2 of sum_i x[i] exp(-2 pi j i bin / n). */
void reference_dft(const double *x, size_t n, double complex *spectrum);

#endif
