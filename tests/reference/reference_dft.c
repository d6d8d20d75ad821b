// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_dft.h"

#include <math.h>

void reference_dft(const double *x, size_t n, double complex *spectrum)
{
    for (size_t bin = 0; bin <= n / 2; bin++) {
        double complex sum = 0.0;
        for (size_t i = 0; i < n; i++) {
            // The product is reduced first: the angle stays exact for long transforms.
            const double angle = -2.0 * M_PI * (double)(i * bin % n) / (double)n;
            sum += x[i] * (cos(angle) + I * sin(angle));
        }
        spectrum[bin] = sum;
    }
}
