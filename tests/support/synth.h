// SPDX-License-Identifier: GPL-3.0-or-later
/** Small sounds made from formulas, the same on every run, as input for tests. */
#ifndef UNBRAID_TESTS_SYNTH_H
#define UNBRAID_TESTS_SYNTH_H

#include "unbraid/separate.h"

enum { SYNTH_MOST_CHANNELS = 4 };

/** A sound in memory. Made by synth_new(), so that `planar` may point into it. */
typedef struct synth {
    size_t n_channels, n_samples;
    double rate_hz;
    float *channels[SYNTH_MOST_CHANNELS];
    const float *views[SYNTH_MOST_CHANNELS];
    ub_planar planar;
} synth;

/** Silence. Aborts when there is no memory. */
synth *synth_new(size_t n_channels, size_t n_samples, double rate_hz);
void synth_free(synth *sound);

/** The sound as the library reads it; borrows it. */
ub_audio synth_audio(const synth *sound);

/** Notes of three partials that start every `every_s` and decay. The pitches go through `hz`
    (n of them). `pan` holds a gain per channel; NULL means 1 everywhere. */
void synth_add_notes(synth *sound, const double *hz, size_t n, double every_s, double decay_s,
                     const double *pan);

/** Bursts of noise above about a quarter of the sample rate, from `first_s` on. */
void synth_add_bursts(synth *sound, double first_s, double every_s, double decay_s,
                      const double *pan, uint64_t seed);

/** sound += gain * other; the same shape. */
void synth_add(synth *sound, const synth *other, double gain);

/** Low notes, and high bursts in between: two sources that are easy to tell apart. */
synth *synth_low_notes(size_t n_channels, double seconds, double rate_hz);
synth *synth_high_bursts(size_t n_channels, double seconds, double rate_hz);

#endif
