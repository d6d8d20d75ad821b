// SPDX-License-Identifier: GPL-3.0-or-later
// Templates as another window would show them.
#include "dictionary/reshape.h"
#include "dictionary_case.h"
#include "unbraid/window.h"

#include <complex.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 256, FALL = 8, N_BINS = SIZE / 2 + 1, TONE = 40 };

// A textbook transform of a tone on bin TONE, its energy brought to one.
static void tone_through(ub_window window, size_t hop, double *magnitudes)
{
    float analysis[SIZE], synthesis[SIZE];
    assert_int_equal(ub_window_fill(window, SIZE, hop, analysis, synthesis, NULL), UB_OK);
    double energy = 0.0;
    for (size_t f = 0; f < N_BINS; f++) {
        double re = 0.0, im = 0.0;
        for (size_t n = 0; n < SIZE; n++) {
            const double turn = 2.0 * M_PI * ((double)f - TONE) * (double)n / SIZE;
            re += (double)analysis[n] * cos(turn);
            im += (double)analysis[n] * sin(turn);
        }
        magnitudes[f] = hypot(re, im);
        energy += magnitudes[f] * magnitudes[f];
    }
    for (size_t f = 0; f < N_BINS; f++) {
        magnitudes[f] /= sqrt(energy);
    }
}

static ub_dictionary tone(ub_window window)
{
    ub_dictionary d = dictionary_case(1, SIZE, 1);
    double magnitudes[N_BINS];
    d.window = window;
    tone_through(d.window, d.hop_samples, magnitudes);
    for (size_t f = 0; f < N_BINS; f++) {
        ub_matrix_column(&d.templates, 0)[f] = (float)magnitudes[f];
    }
    return d;
}

static double decibels(double quotient)
{
    return 20.0 * log10(quotient);
}

static void check_leaks(ub_window from)
{
    ub_dictionary d = tone(from);
    double before[N_BINS], wanted[N_BINS];
    tone_through(from, d.hop_samples, before);
    tone_through(UB_WINDOW_ASYMMETRIC, FALL, wanted);
    assert_int_equal(ub_dictionary_reshape(&d, UB_WINDOW_ASYMMETRIC, FALL), UB_OK);
    const float *found = ub_matrix_column(&d.templates, 0);
    for (size_t away = 6; away < 14; away++) { // where the one leaks and the other hardly does
        assert_true(decibels(wanted[TONE + away] / before[TONE + away]) > 6.0);
    }
    for (size_t away = 0; away < 14; away++) { // single precision, in power 60 dB below the peak
        assert_true(fabs(decibels((double)found[TONE + away] / wanted[TONE + away])) < 0.1);
    }
    ub_dictionary_free(&d);
}

static void a_tone_leaks_as_through_the_window_that_falls_quickly(void **state)
{
    (void)state;
    check_leaks(UB_WINDOW_SQRT_HANN);
    check_leaks(UB_WINDOW_HANN); // whose own energy is another
}

static void the_energy_of_every_template_stays(void **state)
{
    (void)state;
    ub_dictionary d = dictionary_case(2, SIZE, 1), before;
    assert_int_equal(ub_dictionary_copy(&d, &before), UB_OK);
    assert_int_equal(ub_dictionary_reshape(&d, UB_WINDOW_ASYMMETRIC, FALL), UB_OK);
    for (size_t k = 0; k < d.templates.n_cols; k++) {
        double old = 0.0, new = 0.0;
        for (size_t f = 0; f < N_BINS; f++) { // the inner bins stand for two
            const double weight = f == 0 || f == N_BINS - 1 ? 1.0 : 2.0;
            const double x = (double)ub_matrix_column(&before.templates, k)[f];
            const double y = (double)ub_matrix_column(&d.templates, k)[f];
            old += weight * x * x;
            new += weight *y *y;
        }
        assert_true(fabs(new / old - 1.0) < 1e-2); // but for what ends below nothing
    }
    ub_dictionary_free(&before);
    ub_dictionary_free(&d);
}

static void the_same_window_changes_nothing(void **state)
{
    (void)state;
    ub_dictionary d = tone(UB_WINDOW_SQRT_HANN), before;
    assert_int_equal(ub_dictionary_copy(&d, &before), UB_OK);
    assert_int_equal(ub_dictionary_reshape(&d, UB_WINDOW_SQRT_HANN, 1), UB_OK);
    assert_memory_equal(ub_matrix_column(&d.templates, 0), ub_matrix_column(&before.templates, 0),
                        N_BINS * sizeof(float));
    ub_dictionary_free(&before);
    ub_dictionary_free(&d);
}

// The same template stands in all matrices, in each of the frames.
static void frames_around_and_what_makes_masks_are_reshaped_alike(void **state)
{
    (void)state;
    ub_dictionary d = dictionary_case(1, SIZE, 1);
    dictionary_case_add_context(&d, 2, 1, 2);
    dictionary_case_add_reconstruction(&d, 3);
    const size_t bytes = N_BINS * sizeof(float);
    const float *w = ub_matrix_column(&d.templates, 0);
    for (size_t i = 0; i < 3; i++) {
        memcpy(ub_matrix_column(&d.context, 0) + i * N_BINS, w, bytes);
    }
    memcpy(ub_matrix_column(&d.reconstruction, 0), w, bytes);
    assert_int_equal(ub_dictionary_reshape(&d, UB_WINDOW_ASYMMETRIC, FALL), UB_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_memory_equal(ub_matrix_column(&d.context, 0) + i * N_BINS, w, bytes);
    }
    assert_memory_equal(ub_matrix_column(&d.reconstruction, 0), w, bytes);
    ub_dictionary_free(&d);
}

static void a_window_that_falls_otherwise_is_another(void **state)
{
    (void)state;
    ub_dictionary d = tone(UB_WINDOW_SQRT_HANN);
    double wanted[N_BINS];
    tone_through(UB_WINDOW_ASYMMETRIC, 4 * FALL, wanted);
    assert_int_equal(ub_dictionary_reshape(&d, UB_WINDOW_ASYMMETRIC, FALL), UB_OK);
    d.window = UB_WINDOW_ASYMMETRIC;
    d.hop_samples = FALL;
    assert_int_equal(ub_dictionary_reshape(&d, UB_WINDOW_ASYMMETRIC, 4 * FALL), UB_OK);
    for (size_t away = 0; away < 8; away++) {
        const double found = (double)ub_matrix_column(&d.templates, 0)[TONE + away];
        assert_true(fabs(decibels(found / wanted[TONE + away])) < 0.1);
    }
    ub_dictionary_free(&d);
}

static void the_largest_numbers_stay_numbers(void **state)
{
    (void)state;
    ub_dictionary d = dictionary_case(1, SIZE, 1);
    for (size_t f = 0; f < N_BINS; f++) {
        ub_matrix_column(&d.templates, 0)[f] = f % 9 == 0 ? FLT_MAX : 0.0f;
    }
    assert_int_equal(ub_dictionary_reshape(&d, UB_WINDOW_ASYMMETRIC, 1), UB_OK);
    assert_int_equal(ub_dictionary_check(&d, NULL), UB_OK);
    ub_dictionary_free(&d);
}

static void falls_of_any_length_do(void **state)
{
    (void)state;
    const size_t falls[] = {0, 1, SIZE / 2, SIZE, SIZE_MAX};
    for (size_t i = 0; i < sizeof falls / sizeof *falls; i++) {
        ub_dictionary d = tone(UB_WINDOW_SQRT_HANN);
        assert_int_equal(ub_dictionary_reshape(&d, UB_WINDOW_ASYMMETRIC, falls[i]), UB_OK);
        assert_int_equal(ub_dictionary_check(&d, NULL), UB_OK);
        ub_dictionary_free(&d);
    }
}

// Every new bin of three begins or ends its triangle on a bin that is alone.
static void lone_bins_stay_nonnegative_in_wider_ones(void **state)
{
    (void)state;
    ub_dictionary d = dictionary_case(1, 4096, 1), fitted;
    float *w = ub_matrix_column(&d.templates, 0);
    for (size_t f = 0; f < d.templates.n_rows; f++) {
        w[f] = f % 8 == 0 ? 1.0f : 0.0f;
    }
    assert_int_equal(ub_dictionary_fit(&d, d.rate_hz, 3072, 768, &fitted, NULL), UB_OK);
    assert_int_equal(ub_dictionary_check(&fitted, NULL), UB_OK);
    ub_dictionary_free(&fitted);
    ub_dictionary_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tone_leaks_as_through_the_window_that_falls_quickly),
        cmocka_unit_test(the_energy_of_every_template_stays),
        cmocka_unit_test(the_same_window_changes_nothing),
        cmocka_unit_test(frames_around_and_what_makes_masks_are_reshaped_alike),
        cmocka_unit_test(a_window_that_falls_otherwise_is_another),
        cmocka_unit_test(the_largest_numbers_stay_numbers),
        cmocka_unit_test(falls_of_any_length_do),
        cmocka_unit_test(lone_bins_stay_nonnegative_in_wider_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
