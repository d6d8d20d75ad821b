// SPDX-License-Identifier: GPL-3.0-or-later
#include "synth.h"

#include "unbraid/random.h"

#include <math.h>
#include <stdlib.h>

synth *synth_new(size_t n_channels, size_t n_samples, double rate_hz)
{
    synth *sound = calloc(1, sizeof *sound);
    if (!sound) {
        abort();
    }
    sound->n_channels = n_channels;
    sound->n_samples = n_samples;
    sound->rate_hz = rate_hz;
    for (size_t c = 0; c < n_channels; c++) {
        sound->channels[c] = calloc(n_samples + 1, sizeof(float));
        if (!sound->channels[c]) {
            abort();
        }
        sound->views[c] = sound->channels[c];
    }
    sound->planar = (ub_planar){sound->views, n_channels, n_samples};
    return sound;
}

void synth_free(synth *sound)
{
    for (size_t c = 0; sound && c < sound->n_channels; c++) {
        free(sound->channels[c]);
    }
    free(sound);
}

ub_audio synth_audio(const synth *sound)
{
    return ub_audio_in_memory(&sound->planar, sound->rate_hz);
}

static void add_sample(synth *sound, size_t i, double value, const double *pan)
{
    for (size_t c = 0; c < sound->n_channels; c++) {
        const double gain = pan ? pan[c] : 1.0;
        sound->channels[c][i] = (float)((double)sound->channels[c][i] + gain * value);
    }
}

void synth_add_notes(synth *sound, const double *hz, size_t n, double every_s, double decay_s,
                     const double *pan)
{
    for (size_t i = 0; i < sound->n_samples; i++) {
        const double t = (double)i / sound->rate_hz;
        const double note = floor(t / every_s), age = t - note * every_s;
        const double phase = 2.0 * M_PI * hz[(size_t)note % n] * age;
        const double wave = sin(phase) + 0.5 * sin(2.0 * phase) + 0.25 * sin(3.0 * phase);
        add_sample(sound, i, 0.25 * exp(-age / decay_s) * wave, pan);
    }
}

void synth_add_bursts(synth *sound, double first_s, double every_s, double decay_s,
                      const double *pan, uint64_t seed)
{
    ub_random random = ub_random_new(seed);
    double before[2] = {0.0, 0.0};
    for (size_t i = 0; i < sound->n_samples; i++) {
        // The second difference of white noise lacks the low half.
        const double noise = 2.0 * (double)ub_random_uniform(&random) - 1.0;
        const double high = noise - 2.0 * before[0] + before[1];
        before[1] = before[0];
        before[0] = noise;
        const double t = (double)i / sound->rate_hz - first_s;
        const double age = t - floor(t / every_s) * every_s;
        if (t >= 0.0) {
            add_sample(sound, i, 0.15 * exp(-age / decay_s) * high, pan);
        }
    }
}

void synth_add(synth *sound, const synth *other, double gain)
{
    for (size_t c = 0; c < sound->n_channels; c++) {
        for (size_t i = 0; i < sound->n_samples; i++) {
            sound->channels[c][i] += (float)(gain * (double)other->channels[c][i]);
        }
    }
}

synth *synth_low_notes(size_t n_channels, double seconds, double rate_hz)
{
    const double hz[] = {110.0, 146.8, 164.8, 98.0}, pan[] = {1.0, 0.4, 0.7, 0.2};
    synth *sound = synth_new(n_channels, (size_t)(seconds * rate_hz), rate_hz);
    synth_add_notes(sound, hz, 4, 0.25, 0.3, n_channels > 1 ? pan : NULL);
    return sound;
}

synth *synth_high_bursts(size_t n_channels, double seconds, double rate_hz)
{
    const double pan[] = {0.4, 1.0, 0.3, 0.8};
    synth *sound = synth_new(n_channels, (size_t)(seconds * rate_hz), rate_hz);
    synth_add_bursts(sound, 0.1, 0.2, 0.04, n_channels > 1 ? pan : NULL, 5);
    return sound;
}
