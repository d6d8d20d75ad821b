// SPDX-License-Identifier: GPL-3.0-or-later
// The pitch of a voice from spectra that are made by hand.
#include "guide/pitch.h"
#include "unbraid/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SIZE = 2048, N_FRAMES = 80 };

static const double RATE_HZ = 44100.0;

static ub_matrix make_spectra(void)
{
    ub_matrix spectra;
    assert_int_equal(ub_matrix_new(SIZE / 2 + 1, N_FRAMES, &spectra), UB_OK);
    return spectra;
}

// Bumps as wide as the window makes them at the multiples of a pitch.
static void add_voice(ub_matrix *spectra, size_t frame, double hz)
{
    for (size_t f = 0; f < spectra->n_rows; f++) {
        const double at = (double)f * RATE_HZ / SIZE, away = at - hz * round(at / hz);
        if (at > 0.5 * hz) {
            ub_matrix_column(spectra, frame)[f] += (float)exp(-away * away / (2.0 * 25.0 * 25.0));
        }
    }
}

static void add_noise(ub_matrix *spectra, double level)
{
    ub_random random = ub_random_new(2);
    for (size_t t = 0; t < spectra->n_cols; t++) {
        for (size_t f = 0; f < spectra->n_rows; f++) {
            ub_matrix_column(spectra, t)[f] += (float)level * ub_random_uniform(&random);
        }
    }
}

static void follow(const ub_matrix *spectra, ub_pitch *pitches)
{
    const ub_scene scene = {.spectra = spectra,
                            .n_channels = 1,
                            .rate_hz = RATE_HZ,
                            .size_samples = SIZE,
                            .hop_samples = SIZE / 4};
    assert_int_equal(ub_pitch_follow(&scene, spectra, pitches), UB_OK);
}

static double semitones(double a, double b)
{
    return fabs(12.0 * log2(a / b));
}

static void a_gliding_voice_is_followed(void **state)
{
    (void)state;
    ub_matrix spectra = make_spectra();
    ub_pitch pitches[N_FRAMES];
    add_noise(&spectra, 0.5);
    for (size_t t = 0; t < N_FRAMES; t++) {
        add_voice(&spectra, t, 140.0 * exp2((double)t / 100.0));
    }
    follow(&spectra, pitches);
    for (size_t t = 0; t < N_FRAMES; t++) {
        // Pitches are a third of a semitone apart.
        assert_true(semitones((double)pitches[t].hz, 140.0 * exp2((double)t / 100.0)) < 0.7);
        assert_true(pitches[t].clarity > 0.2f && pitches[t].clarity <= 1.0f);
    }
    ub_matrix_free(&spectra);
}

static void a_pitch_does_not_jump_for_a_frame(void **state)
{
    (void)state;
    ub_matrix spectra = make_spectra();
    ub_pitch pitches[N_FRAMES];
    for (size_t t = 0; t < N_FRAMES; t++) {
        add_voice(&spectra, t, t == 40 ? 287.0 : 180.0);
    }
    follow(&spectra, pitches);
    assert_true(semitones((double)pitches[40].hz, 180.0) < 1.5);
    assert_true(pitches[40].clarity < 0.5f * pitches[39].clarity);
    ub_matrix_free(&spectra);
}

static void noise_and_silence_have_no_clear_pitch(void **state)
{
    (void)state;
    ub_matrix spectra = make_spectra();
    ub_pitch pitches[N_FRAMES];
    follow(&spectra, pitches);
    for (size_t t = 0; t < N_FRAMES; t++) {
        assert_true(pitches[t].clarity == 0.0f);
    }
    add_noise(&spectra, 1.0);
    follow(&spectra, pitches);
    for (size_t t = 0; t < N_FRAMES; t++) {
        assert_true(pitches[t].clarity < 0.4f);
    }
    ub_matrix_free(&spectra);
}

static void a_comb_is_for_multiples_against_what_is_between_and_fades(void **state)
{
    (void)state;
    const ub_pitch pitch = {100.0f, 0.5f};
    for (size_t n = 1; n <= 10; n++) {
        const double faded = 0.5 * exp(-(double)n / 20.0),
                     between = 0.5 * exp(-((double)n + 0.5) / 20.0);
        assert_true(fabs((double)ub_pitch_comb(pitch, 100.0 * (double)n, 2000.0) - faded) < 1e-6);
        assert_true(fabs((double)ub_pitch_comb(pitch, 100.0 * (double)n + 50.0, 2000.0) + between) <
                    1e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gliding_voice_is_followed),
        cmocka_unit_test(a_pitch_does_not_jump_for_a_frame),
        cmocka_unit_test(a_comb_is_for_multiples_against_what_is_between_and_fades),
        cmocka_unit_test(noise_and_silence_have_no_clear_pitch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
