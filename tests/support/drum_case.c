// SPDX-License-Identifier: GPL-3.0-or-later
#include "drum_case.h"

#include "unbraid/stft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 2048, HOP = 512, N_LAGS = 10, N_KEYS = 3, N_PARTIALS = 12 };

static const int KEYS[N_KEYS] = {DRUM_CASE_KICK, DRUM_CASE_CLOSED, DRUM_CASE_OPEN};
static const double RATE_HZ = 44100.0;
static const double LENGTH_S = 0.8; // of a hit: the longest has fallen by 70 dB

// Hats ring in many partials, the open one lower and longer; the same at every sample rate.
static double ring(double lowest_hz, double age)
{
    double sum = 0.0;
    for (int i = 0; i < N_PARTIALS; i++) {
        sum += sin(2.0 * M_PI * (lowest_hz + 389.0 * i + 31.0 * (i * i % 7)) * age + i * i);
    }
    return sum / sqrt((double)N_PARTIALS);
}

static double wave_of(int key, double age)
{
    if (key == DRUM_CASE_KICK) {
        return exp(-age / 0.08) * cos(2.0 * M_PI * 65.0 * age);
    }
    return key == DRUM_CASE_OPEN ? exp(-age / 0.1) * ring(3700.0, age)
                                 : exp(-age / 0.03) * ring(7100.0, age);
}

static void play(synth *sound, const ub_note *hit)
{
    const double gain = 0.5 * pow((double)hit->velocity / 127.0, 2.0);
    const size_t first = (size_t)(hit->onset_s * sound->rate_hz);
    const size_t last = first + (size_t)(LENGTH_S * sound->rate_hz);
    for (size_t i = first; i < last && i < sound->n_samples; i++) {
        const double age = (double)(i - first) / sound->rate_hz;
        for (size_t c = 0; c < sound->n_channels; c++) {
            sound->channels[c][i] += (float)(gain * wave_of(hit->pitch, age));
        }
    }
}

synth *drum_case_sound(size_t n_channels, double seconds, double rate_hz, const ub_note *hits,
                       size_t n)
{
    synth *sound = synth_new(n_channels, (size_t)(seconds * rate_hz), rate_hz);
    for (size_t i = 0; i < n; i++) {
        play(sound, &hits[i]);
    }
    return sound;
}

// Frames of one hit, the first with its middle where it begins.
static void hear(const ub_stft *stft, int key, float *frames[N_LAGS])
{
    const ub_note hit = {.onset_s = 4096.0 / RATE_HZ, .pitch = key, .velocity = 127};
    synth *sound = drum_case_sound(1, 1.0, RATE_HZ, &hit, 1);
    float *work = NULL, samples[WINDOW];
    float complex spectrum[WINDOW / 2 + 1];
    if (ub_stft_work_new(stft, &work)) {
        abort();
    }
    for (size_t lag = 0; lag < N_LAGS; lag++) {
        memcpy(samples, sound->channels[0] + 4096 - WINDOW / 2 + lag * HOP, sizeof samples);
        ub_stft_analyse_frame(stft, samples, work, spectrum);
        ub_stft_magnitude(spectrum, WINDOW / 2 + 1, frames[lag]);
    }
    ub_stft_work_free(work);
    synth_free(sound);
}

static char *copy_of(const char *text)
{
    char *copy = calloc(strlen(text) + 1, 1);
    if (!copy) {
        abort();
    }
    return strcpy(copy, text);
}

static void name_sources(ub_dictionary *d)
{
    d->n_sources = 2;
    d->source_names = calloc(2, sizeof *d->source_names);
    d->component_source = calloc(N_KEYS, sizeof *d->component_source);
    d->component_pitch = calloc(N_KEYS, sizeof *d->component_pitch);
    if (!d->source_names || !d->component_source || !d->component_pitch) {
        abort();
    }
    d->source_names[0] = copy_of("kick");
    d->source_names[1] = copy_of("hats");
    d->licence = copy_of("");
    d->origin = copy_of("");
    for (size_t k = 0; k < N_KEYS; k++) {
        d->component_source[k] = k > 0;
        d->component_pitch[k] = KEYS[k];
    }
}

ub_dictionary drum_case_dictionary(void)
{
    const ub_stft_settings settings = {UB_WINDOW_HANN, WINDOW, HOP};
    ub_dictionary d = {.rate_hz = RATE_HZ,
                       .window = UB_WINDOW_HANN,
                       .window_samples = WINDOW,
                       .hop_samples = HOP,
                       .beta = 1.0,
                       .n_after = N_LAGS - 1,
                       .context_samples = HOP};
    const size_t n_bins = WINDOW / 2 + 1;
    ub_stft *stft = NULL;
    if (ub_stft_new(&settings, &stft, NULL) || ub_matrix_new(n_bins, N_KEYS, &d.templates) ||
        ub_matrix_new((N_LAGS - 1) * n_bins, N_KEYS, &d.context)) {
        abort();
    }
    for (size_t k = 0; k < N_KEYS; k++) {
        float *frames[N_LAGS];
        for (size_t lag = 0; lag < N_LAGS; lag++) {
            frames[lag] = lag == 0 ? ub_matrix_column(&d.templates, k)
                                   : ub_matrix_column(&d.context, k) + (lag - 1) * n_bins;
        }
        hear(stft, KEYS[k], frames);
    }
    name_sources(&d);
    ub_stft_free(stft);
    return d;
}
