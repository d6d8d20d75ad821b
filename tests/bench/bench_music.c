// SPDX-License-Identifier: GPL-3.0-or-later
// Something like music: bass, chords, a lead and drums, each with notes, pauses and fades, over a
// noise floor. Nothing of it is read from a file, so that every machine measures the same work.
#include "bench.h"

#include <math.h>

static const double RATE_HZ = 44100.0;
static const double FLOOR = 3e-5; // of the dither of 16 bits: no bin is ever exactly silent
static const double SCALE[] = {0.0, 3.0, 5.0, 7.0, 10.0, 12.0, 15.0, 17.0}; // semitones

// How an instrument plays.
typedef struct voice {
    double lowest_hz, every_s, length_s;
    size_t n_at_once, n_partials; // no partials: a drum
    double attack_s, decay_s, level;
    double pan[2];
} voice;

static const voice voices[BENCH_SOURCES] = {
    {41.2, 0.5, 0.5, 1, 16, 0.005, 0.5, 0.20, {0.7, 0.7}},
    {196.0, 2.0, 2.2, 3, 12, 0.08, 2.5, 0.05, {0.9, 0.4}},
    {523.3, 0.25, 0.6, 1, 10, 0.01, 0.3, 0.10, {0.4, 0.9}},
    {0.0, 0.25, 0.25, 1, 0, 0.001, 0.05, 0.15, {0.7, 0.6}},
};

static double uniform(ub_random *random)
{
    return (double)ub_random_uniform(random);
}

// Samples of a note that starts here: its length, cut at the end of the sound.
static size_t length_of(const synth *sound, const voice *v, size_t first)
{
    const size_t n = (size_t)(v->length_s * RATE_HZ), rest = sound->n_samples - first;
    return n < rest ? n : rest;
}

static void add(synth *sound, const voice *v, size_t i, double value)
{
    for (size_t c = 0; c < 2; c++) {
        sound->channels[c][i] += (float)(v->pan[c] * value);
    }
}

static double envelope(const voice *v, double age_s, double decay_s)
{
    const double left_s = v->length_s - age_s; // notes end softly
    return fmin(age_s / v->attack_s, 1.0) * exp(-age_s / decay_s) * fmin(left_s / 0.02, 1.0);
}

// A partial is a rotating pointer; the envelope moves in steps of 32 samples.
static void add_partial(synth *sound, const voice *v, size_t first, double hz, double level,
                        double decay_s)
{
    const double step = 2.0 * M_PI * hz / RATE_HZ, turn[2] = {cos(step), sin(step)};
    const size_t n = length_of(sound, v, first);
    double x = 1.0, y = 0.0, gain = 0.0, slope = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (i % 32 == 0) {
            const double next = level * envelope(v, (double)(i + 32) / RATE_HZ, decay_s);
            slope = (fmax(next, 0.0) - gain) / 32.0;
        }
        gain += slope;
        const double turned = x * turn[0] - y * turn[1];
        y = x * turn[1] + y * turn[0];
        x = turned;
        add(sound, v, first + i, gain * y);
    }
}

static void add_note(synth *sound, const voice *v, size_t first, ub_random *random)
{
    const size_t degree = (size_t)(uniform(random) * 8.0);
    const double hz = v->lowest_hz * exp2(SCALE[degree] / 12.0);
    const double level = v->level * (0.4 + 0.6 * uniform(random));
    for (size_t p = 1; p <= v->n_partials; p++) {
        const double rank = (double)p;
        add_partial(sound, v, first, hz * rank * (1.0 + 2e-4 * rank * rank), level / rank,
                    v->decay_s / (0.7 + 0.3 * rank));
    }
}

// Every second beat a falling sine, and noise on all of them.
static void add_hit(synth *sound, const voice *v, size_t first, size_t beat, ub_random *random)
{
    const double level = v->level * (0.4 + 0.6 * uniform(random));
    const size_t n = length_of(sound, v, first);
    double before = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double age_s = (double)i / RATE_HZ, noise = 2.0 * uniform(random) - 1.0;
        double value = level * envelope(v, age_s, v->decay_s) * (noise - 0.8 * before);
        if (beat % 2 == 0) {
            const double phase = 2.0 * M_PI * (50.0 * age_s - 4.0 * exp(-age_s / 0.03));
            value += 2.0 * level * envelope(v, age_s, 0.12) * sin(phase);
        }
        before = noise;
        add(sound, v, first + i, value);
    }
}

// Fades at both ends, and a pause of each source at a time of its own.
static void arrange(synth *sound, size_t source, ub_random *random)
{
    const double n = (double)sound->n_samples, pause = (double)(source + 1) / 5.0;
    for (size_t i = 0; i < sound->n_samples; i++) {
        const double at = (double)i / n, distance = fabs(at - pause) / 0.08;
        const double ends = fmin(fmin(at / 0.03, (1.0 - at) / 0.05), 1.0);
        const double dip = distance < 1.0 ? 0.5 + 0.5 * cos(M_PI * distance) : 0.0;
        for (size_t c = 0; c < 2; c++) {
            const double value = (double)sound->channels[c][i] * ends * (1.0 - dip);
            const double noise = 2.0 * uniform(random) - 1.0;
            sound->channels[c][i] = (float)(value + FLOOR * noise);
        }
    }
}

static void play(synth *sound, size_t source)
{
    const voice *v = &voices[source];
    ub_random random = ub_random_new(source + 1);
    for (size_t beat = 0;; beat++) {
        const size_t first = (size_t)((double)beat * v->every_s * RATE_HZ);
        if (first >= sound->n_samples) {
            break;
        }
        for (size_t i = 0; i < v->n_at_once; i++) {
            if (v->n_partials) {
                add_note(sound, v, first, &random);
            } else {
                add_hit(sound, v, first, beat, &random);
            }
        }
    }
    arrange(sound, source, &random);
}

synth *bench_music(size_t source, double seconds)
{
    synth *sound = synth_new(2, (size_t)(seconds * RATE_HZ), RATE_HZ);
    if (source < BENCH_SOURCES) {
        play(sound, source);
        return sound;
    }
    for (size_t one = 0; one < BENCH_SOURCES; one++) {
        synth *part = bench_music(one, seconds);
        synth_add(sound, part, 1.0);
        synth_free(part);
    }
    return sound;
}

ub_matrix bench_spectrogram(size_t n_frames)
{
    const ub_stft_settings settings = {UB_WINDOW_SQRT_HANN, 2 * (BENCH_BINS - 1), 512};
    synth *sound = bench_music(BENCH_SOURCES, (double)(n_frames * 512) / RATE_HZ);
    for (size_t i = 0; i < sound->n_samples; i++) {
        sound->channels[0][i] += sound->channels[1][i];
    }
    ub_stft *stft;
    float *work, samples[2 * (BENCH_BINS - 1)];
    float complex spectrum[BENCH_BINS];
    ub_matrix magnitudes;
    if (ub_stft_new(&settings, &stft, NULL) || ub_stft_work_new(stft, &work) ||
        ub_matrix_new(BENCH_BINS, n_frames, &magnitudes)) {
        bench_die("no memory");
    }
    for (size_t t = 0; t < n_frames; t++) {
        float *column = ub_matrix_column(&magnitudes, t);
        ub_stft_gather_frame(stft, sound->channels[0], sound->n_samples, t, samples);
        ub_stft_analyse_frame(stft, samples, work, spectrum);
        ub_stft_magnitude(spectrum, BENCH_BINS, column);
        for (size_t f = 0; f < BENCH_BINS; f++) {
            column[f] = column[f] * (2.0f / BENCH_BINS) + 1e-6f;
        }
    }
    ub_stft_work_free(work);
    ub_stft_free(stft);
    synth_free(sound);
    return magnitudes;
}
