// SPDX-License-Identifier: GPL-3.0-or-later
/** Gains that change without a click. */
#ifndef UNBRAID_STREAM_GLIDE_H
#define UNBRAID_STREAM_GLIDE_H

#include "unbraid/attributes.h"

#include <stddef.h>

/** The share of the way to its target that a gain goes in a sample, for a time constant in seconds;
    0 s jumps. */
float ub_glide_share(double glide_s, double rate_hz);

/** The gain at each of the next n samples; it ends up exactly at its target. */
UB_RT void ub_glide(float *gain, float target, float share, float *gains, size_t n);

#endif
