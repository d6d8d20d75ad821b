// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_blur.h"

#include <math.h>

static double weight(size_t a, size_t b, double deviation)
{
    const double distance = fabs((double)a - (double)b);
    if (distance > ceil(3.0 * deviation)) {
        return 0.0;
    }
    return distance > 0.0 ? exp(-distance * distance / (2.0 * deviation * deviation)) : 1.0;
}

double reference_blur(const double *v, size_t n_bins, size_t n_frames, double bins, double frames,
                      size_t f, size_t t)
{
    double sum = 0.0, weights = 0.0;
    for (size_t i = 0; i < n_frames; i++) {
        for (size_t k = 0; k < n_bins; k++) {
            const double w = weight(k, f, bins) * weight(i, t, frames);
            sum += w * v[i * n_bins + k];
            weights += w;
        }
    }
    return sum / weights;
}
