// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Flux: how much a key's activation rises around a frame, over twice the lag. Private header.
*/
#ifndef UNBRAID_NOTES_FLUX_H
#define UNBRAID_NOTES_FLUX_H

#include <stddef.h>

static inline float ub_flux(float before, float after)
{
    return after > before ? after - before : 0.0f;
}

/** The largest flux of n keys. */
static inline float ub_flux_largest(const float *before, const float *after, size_t n)
{
    float largest = 0.0f;
    for (size_t i = 0; i < n; i++) {
        const float flux = ub_flux(before[i], after[i]);
        largest = flux > largest ? flux : largest;
    }
    return largest;
}

/** Frames of the lag at that many frames a second: 23 ms, one at least. */
static inline size_t ub_flux_lag(double frame_rate_hz)
{
    const double lag = 0.0232 * frame_rate_hz + 0.5;
    return lag < 1.0 ? 1 : (size_t)lag;
}

#endif
