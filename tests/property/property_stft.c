// SPDX-License-Identifier: GPL-3.0-or-later
// Transforms of random sizes, hops, windows and signals: the definition, Parseval's theorem
// and the way back.
#include "reference_dft.h"
#include "unbraid/random.h"
#include "unbraid/stft.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N_SEEDS = 300, MOST_SIZE = 2000 };

typedef struct trial {
    uint64_t seed;
    ub_random random;
    ub_stft_settings settings;
    ub_stft *stft;
    float *work, *analysis, *synthesis;
    float complex *spectrum;
} trial;

static size_t below(ub_random *random, size_t n)
{
    return (size_t)(ub_random_bits(random) % n);
}

static ub_stft_settings random_settings(ub_random *random)
{
    ub_stft_settings settings = {.window = (ub_window)below(random, 3), .hop_samples = 1};
    do {
        settings.size_samples = 4 + below(random, MOST_SIZE - 4);
    } while (ub_stft_settings_check(&settings, NULL));
    settings.hop_samples = 1 + below(random, settings.size_samples / 2);
    return settings;
}

static void *room(size_t n, size_t size)
{
    void *memory = calloc(n, size);
    assert_non_null(memory);
    return memory;
}

static void open_trial(trial *t, uint64_t seed)
{
    *t = (trial){.seed = seed, .random = ub_random_new(seed)};
    t->settings = random_settings(&t->random);
    assert_int_equal(ub_stft_new(&t->settings, &t->stft, NULL), UB_OK);
    assert_int_equal(ub_stft_work_new(t->stft, &t->work), UB_OK);
    const size_t size = t->settings.size_samples;
    t->analysis = room(size, sizeof(float));
    t->synthesis = room(size, sizeof(float));
    t->spectrum = room(ub_stft_n_bins(t->stft), sizeof(float complex));
    assert_int_equal(ub_window_fill(t->settings.window, size, t->settings.hop_samples, t->analysis,
                                    t->synthesis, NULL),
                     UB_OK);
}

static void close_trial(trial *t)
{
    free(t->analysis), free(t->synthesis), free(t->spectrum);
    ub_stft_work_free(t->work);
    ub_stft_free(t->stft);
}

// Noise at any level that 24 bits know.
static float *noise(trial *t, size_t n)
{
    const double scale = pow(10.0, -6.0 * (double)ub_random_uniform(&t->random));
    float *x = room(n, sizeof *x);
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)(scale * ub_random_normal(&t->random));
    }
    return x;
}

static void require(const trial *t, bool holds, const char *law, double off)
{
    if (!holds) {
        print_message("seed %u: %s window, size %zu, hop %zu: %s is off by %g\n", (unsigned)t->seed,
                      ub_window_name(t->settings.window), t->settings.size_samples,
                      t->settings.hop_samples, law, off);
    }
    assert_true(holds);
}

// Rounding of float is spread over the bins: the error's norm against the spectrum's.
static void frames_are_the_transform_by_definition(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < N_SEEDS / 3; seed++) {
        trial t;
        open_trial(&t, seed);
        const size_t size = t.settings.size_samples, n_bins = ub_stft_n_bins(t.stft);
        float *x = noise(&t, size);
        double *windowed = room(size, sizeof *windowed), signal_energy = 0.0;
        double complex *truth = room(n_bins, sizeof *truth);
        for (size_t n = 0; n < size; n++) {
            windowed[n] = (double)x[n] * (double)t.analysis[n];
            signal_energy += windowed[n] * windowed[n];
        }
        reference_dft(windowed, size, truth);
        ub_stft_analyse_frame(t.stft, x, t.work, t.spectrum);
        double error = 0.0, energy = 0.0;
        for (size_t bin = 0; bin < n_bins; bin++) {
            const double complex ours = (double complex)t.spectrum[bin];
            const double off = cabs(ours - truth[bin]), twice = bin && 2 * bin != size ? 2.0 : 1.0;
            error += twice * off * off;
            energy += twice * creal(ours * conj(ours));
        }
        const double relative = sqrt(error / energy);
        require(&t, relative < 3e-7, "the definition", relative);
        const double parseval = fabs(energy / (double)size / signal_energy - 1.0);
        require(&t, parseval < 1e-6, "Parseval's theorem", parseval);
        free(x), free(windowed), free(truth);
        close_trial(&t);
    }
}

// Analyse and synthesise all frames into `out`, with the lead of size - hop samples before it.
static void there_and_back(trial *t, const float *x, size_t n, float *out)
{
    float *frame = room(t->settings.size_samples, sizeof *frame);
    for (size_t i = 0; i < ub_stft_n_frames(t->stft, n); i++) {
        ub_stft_gather_frame(t->stft, x, n, i, frame);
        ub_stft_analyse_frame(t->stft, frame, t->work, t->spectrum);
        ub_stft_synthesise_frame(t->stft, t->spectrum, t->work, out + i * t->settings.hop_samples);
    }
    free(frame);
}

static void round_trips_return_the_input(void **state)
{
    (void)state;
    for (uint64_t seed = 1000; seed < 1000 + N_SEEDS; seed++) {
        trial t;
        open_trial(&t, seed);
        const size_t size = t.settings.size_samples, hop = t.settings.hop_samples;
        // Up to 200 frames: a hop of one sample makes many.
        const size_t n = 1 + below(&t.random, 3 * size < 200 * hop ? 3 * size : 200 * hop);
        const size_t reach = ub_stft_n_frames(t.stft, n) * hop + size;
        float *x = noise(&t, n), *out = room(reach, sizeof *out);
        there_and_back(&t, x, n, out);
        double error = 0.0, energy = 0.0;
        for (size_t i = 0; i < n; i++) {
            const double off = (double)out[size - hop + i] - (double)x[i];
            error += off * off;
            energy += (double)x[i] * (double)x[i];
        }
        const double error_db = 10.0 * log10((error + 1e-300) / energy);
        // 24 bits are -144 dB; a transform and its inverse take less than 20 dB of them.
        require(&t, error_db < -125.0, "the round trip", error_db);
        free(x), free(out);
        close_trial(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_the_transform_by_definition),
        cmocka_unit_test(round_trips_return_the_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
