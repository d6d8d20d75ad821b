// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_noise_floor.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

void reference_noise_floor(const double *v, size_t n, double smoothing_frames, size_t reach,
                           double bias, double *share)
{
    const double keep = smoothing_frames > 0.0 ? exp(-1.0 / smoothing_frames) : 0.0;
    double *p = calloc(n + 1, sizeof *p);
    assert(p);
    for (size_t t = 0; t < n; t++) {
        p[t] = t == 0 ? v[0] * v[0] : keep * p[t - 1] + (1.0 - keep) * v[t] * v[t];
    }
    for (size_t t = n; t-- > 1;) {
        p[t - 1] = keep * p[t] + (1.0 - keep) * p[t - 1];
    }
    for (size_t t = 0; t < n; t++) {
        double least = INFINITY;
        for (size_t s = 0; s < n; s++) {
            if (s + reach >= t && s <= t + reach) {
                least = fmin(least, p[s]);
            }
        }
        share[t] = v[t] > 0.0 ? fmax(0.0, 1.0 - bias * least / (v[t] * v[t])) : 0.0;
    }
    free(p);
}
