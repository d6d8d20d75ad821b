// SPDX-License-Identifier: GPL-3.0-or-later
#include "verdict.h"

#include <math.h>

static const double LEAST = 0.5; // score of a note

// Learned by logistic regression from FluidR3 and Salamander pianos, each heard through templates
// of the other and of both, on eighteen pieces.
static const double CONSTANT = 7.906;
static const double TWELFTH_BELOW = -0.392, OCTAVE_ABOVE = 0.279;
static const double RISE = 2.104, BEFORE = 1.293, RISE_AND_BEFORE = 0.270 / 3.0;
static const double SUSTAIN = -0.291, SHORT = 2.144;
static const double PITCH = 0.517 / 24.0, MIDDLE_PITCH = 60.0;
static const double LOCAL = 3.076;

size_t ub_verdict_frames(size_t lag)
{
    return 2 * UB_VERDICT_LAGS * lag + 2;
}

// Logarithm of an activation against the loudness; what is far below it counts as nothing.
static double level(const ub_heard *heard, double activation)
{
    return log(activation / (double)heard->loudness + 0.004);
}

static double clip(double value, double least, double most)
{
    return fmin(most, fmax(least, value));
}

static double activation(const ub_heard *heard, size_t key, size_t frame)
{
    return (double)ub_heard_row(heard, heard->activations, frame)[key];
}

// Level of the largest flux of a key, which may be none, within two lags.
static double flux_near(const ub_heard *heard, size_t key, size_t at)
{
    float largest = 0.0f;
    for (size_t t = at - 2 * heard->lag; key < heard->n_keys && t <= at + 2 * heard->lag; t++) {
        largest = fmaxf(largest, ub_heard_row(heard, heard->flux, t)[key]);
    }
    return level(heard, (double)largest);
}

static double loudest_around(const ub_heard *heard, size_t frame)
{
    const size_t reach = UB_VERDICT_LAGS * heard->lag;
    float loudest = 0.0f;
    for (size_t t = frame - reach; t <= frame + reach; t++) {
        loudest = fmaxf(loudest, heard->loudest[t % heard->n_held]);
    }
    return level(heard, (double)loudest);
}

static double mean_after(const ub_heard *heard, size_t key, size_t frame)
{
    double sum = 0.0;
    for (size_t i = 2; i <= 7; i++) {
        sum += activation(heard, key, frame + i * heard->lag);
    }
    return level(heard, sum / 6.0);
}

UB_RT bool ub_verdict(const ub_heard *heard, size_t key, size_t at)
{
    const size_t lag = heard->lag, middle = at - lag;
    const double flux = level(heard, (double)ub_heard_row(heard, heard->flux, at)[key]);
    const double before = level(heard, activation(heard, key, middle - 2 * lag));
    const double after = level(heard, activation(heard, key, middle + 2 * lag));
    const double later = level(heard, activation(heard, key, middle + 5 * lag));
    const double below = flux_near(heard, heard->twelfth_below[key], at);
    const double above = flux_near(heard, heard->octave_above[key], at);
    const double rise = clip(after - before, -1.0, 5.0);
    const double score = CONSTANT + TWELFTH_BELOW * clip(below - flux, -3.0, 4.0) +
                         OCTAVE_ABOVE * clip(above - flux, -3.0, 4.0) + RISE * rise +
                         BEFORE * before + RISE_AND_BEFORE * rise * before +
                         SUSTAIN * clip(mean_after(heard, key, middle) - flux, -3.0, 3.0) +
                         SHORT * clip(later - after, -3.0, 1.0) +
                         PITCH * ((double)heard->pitches[key] - MIDDLE_PITCH) +
                         LOCAL * (flux - loudest_around(heard, middle));
    return score > LEAST;
}
