// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference_noise_floor.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static void smooth(double *p, size_t n, double time_constant)
{
    const double keep = time_constant > 0.0 ? exp(-1.0 / time_constant) : 0.0;
    for (size_t t = 1; t < n; t++) {
        p[t] = keep * p[t - 1] + (1.0 - keep) * p[t];
    }
    for (size_t t = n; t-- > 1;) {
        p[t - 1] = keep * p[t] + (1.0 - keep) * p[t - 1];
    }
}

// Two hypotheses, noise alone and speech of 31.6 times its power beside it, as likely as each
// other; powers are exponentially distributed under both.
static double probability_of_speech(double power, double noise)
{
    const double ratio = 31.6, gamma = noise > 0.0 ? fmin(power / noise, 200.0) : 200.0;
    const double with = exp(-gamma / (1.0 + ratio)) / (1.0 + ratio), without = exp(-gamma);
    return with / (with + without);
}

void reference_noise_floor(const double *v, size_t n, const reference_noise_floor_settings *s,
                           double *noise)
{
    double *p = calloc(n + 1, sizeof *p);
    assert(p);
    for (size_t t = 0; t < n; t++) {
        p[t] = v[t] * v[t];
    }
    smooth(p, n, s->smoothing_frames);
    for (size_t t = 0; t < n; t++) {
        double least = INFINITY;
        for (size_t i = 0; i < n; i++) {
            if (i + s->reach >= t && i <= t + s->reach) {
                least = fmin(least, p[i]);
            }
        }
        noise[t] = s->bias * least;
    }
    for (size_t round = 0; round < s->n_rounds; round++) {
        for (size_t t = 0; t < n; t++) {
            const double power = v[t] * v[t];
            const double speech = probability_of_speech(power, noise[t]);
            noise[t] = (1.0 - speech) * power + speech * noise[t];
        }
        smooth(noise, n, s->memory_frames);
    }
    free(p);
}
