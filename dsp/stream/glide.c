// SPDX-License-Identifier: GPL-3.0-or-later
#include "glide.h"

#include <math.h>
#include <stdbool.h>

float ub_glide_share(double glide_s, double rate_hz)
{
    const double samples = glide_s * rate_hz;
    return samples > 0.0 ? (float)(1.0 - exp(-1.0 / samples)) : 1.0f;
}

void ub_glide(float *gain, float target, float share, float *gains, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float rest = target - *gain;
        const float next = *gain + share * rest;
        // Near the target steps get too small for the number to change.
        const bool there = next == *gain || fabsf(rest) <= 1e-6f * (target + 1e-3f);
        *gain = there ? target : next;
        gains[i] = *gain;
    }
}
