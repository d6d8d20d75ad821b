// SPDX-License-Identifier: GPL-3.0-or-later
// Whether somebody sings, on partials that are drawn.
#include "guide/singing.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { SIZE = 4096, BINS = SIZE / 2 + 1, FRAMES = 200 };

static const double RATE_HZ = 44100.0, PI = 3.14159265358979323846;

static ub_matrix filled(float value)
{
    ub_matrix m;
    assert_int_equal(ub_matrix_new(BINS, FRAMES, &m), UB_OK);
    for (size_t i = 0; i < (size_t)BINS * FRAMES; i++) {
        ub_matrix_column(&m, i / BINS)[i % BINS] = value;
    }
    return m;
}

// Bumps as wide as the window makes them at the multiples of a pitch.
static void draw(ub_matrix *v, size_t frame, double hz)
{
    for (size_t f = 0; f < BINS; f++) {
        const double at = (double)f * RATE_HZ / SIZE, harmonic = round(at / hz);
        const double bins = (at - harmonic * hz) * SIZE / RATE_HZ;
        const double x = harmonic > 0.0 ? exp(-bins * bins) / harmonic : 0.0;
        ub_matrix_column(v, frame)[f] += (float)x;
    }
}

static double likely(const ub_matrix *v)
{
    const ub_scene scene = {.spectra = v,
                            .n_channels = 1,
                            .rate_hz = RATE_HZ,
                            .size_samples = SIZE,
                            .hop_samples = SIZE / 4,
                            .n_threads = 1};
    ub_matrix all = filled(1.0f);
    double found = -1.0;
    assert_int_equal(ub_singing_find(&scene, v, &all, &all, &found), UB_OK);
    ub_matrix_free(&all);
    return found;
}

// Notes of 0.16 s, a third apart; of eight so many with 0.8 semitones of vibrato, five times a
// second.
static double of_tune(size_t n_sung)
{
    ub_matrix v = filled(0.0f);
    for (size_t t = 0; t < FRAMES; t++) {
        const size_t note = t / 7;
        const double swing = sin(2.0 * PI * 5.0 * (double)t * SIZE / 4.0 / RATE_HZ);
        const double semitones = 4.0 * (double)(note % 3) + (note % 8 < n_sung ? 0.8 * swing : 0.0);
        draw(&v, t, 170.0 * exp2(semitones / 12.0));
    }
    const double found = likely(&v);
    ub_matrix_free(&v);
    return found;
}

static void a_pitch_that_glides_is_sung(void **state)
{
    (void)state;
    assert_true(of_tune(8) > 0.9);
}

static void a_pitch_that_stays_or_jumps_is_played(void **state)
{
    (void)state;
    assert_true(of_tune(0) < 0.05);
}

static void a_glide_now_and_then_is_no_singing(void **state)
{
    (void)state;
    assert_true(of_tune(1) < 0.3);
}

// A faint voice below a loud whistle that neither moves nor is heard of when a pitch is looked for.
static void what_stays_in_its_bins_is_played_whatever_the_pitch_does(void **state)
{
    (void)state;
    ub_matrix v = filled(0.0f);
    for (size_t t = 0; t < FRAMES; t++) {
        draw(&v, t, 170.0 * exp2(0.8 * sin(0.7 * (double)t) / 12.0));
        ub_matrix_column(&v, t)[300] = 10.0f; // at 3230 Hz
    }
    assert_true(likely(&v) < 0.05);
    ub_matrix_free(&v);
}

static void nobody_sings_in_silence(void **state)
{
    (void)state;
    ub_matrix v = filled(0.0f);
    assert_true(likely(&v) == 0.0);
    ub_matrix_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pitch_that_glides_is_sung),
        cmocka_unit_test(a_pitch_that_stays_or_jumps_is_played),
        cmocka_unit_test(a_glide_now_and_then_is_no_singing),
        cmocka_unit_test(what_stays_in_its_bins_is_played_whatever_the_pitch_does),
        cmocka_unit_test(nobody_sings_in_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
