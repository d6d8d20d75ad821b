// SPDX-License-Identifier: GPL-3.0-or-later
// The noise floor against plain loops in double precision, over seeded random shapes.
#include "guide/noise_floor.h"
#include "nmf_case.h"
#include "reference_noise_floor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N_CASES = 60 };

static ub_matrix matrix(size_t n_bins, size_t n_frames)
{
    ub_matrix m;
    assert_int_equal(ub_matrix_new(n_bins, n_frames, &m), UB_OK);
    return m;
}

static void compare(const ub_matrix *v, const ub_noise_floor_settings *settings)
{
    const size_t n = v->n_cols;
    const reference_noise_floor_settings reference = {settings->smoothing_frames,
                                                      settings->reach_frames, settings->bias,
                                                      settings->n_rounds, settings->memory_frames};
    ub_matrix noise = matrix(v->n_rows, n);
    double *bin = calloc(n, sizeof *bin), *wanted = calloc(n, sizeof *wanted);
    assert_true(bin && wanted);
    assert_int_equal(ub_noise_floor_find(v, settings, &noise), UB_OK);
    for (size_t f = 0; f < v->n_rows; f++) {
        for (size_t t = 0; t < n; t++) {
            bin[t] = (double)ub_matrix_column(v, t)[f];
        }
        reference_noise_floor(bin, n, &reference, wanted);
        for (size_t t = 0; t < n; t++) {
            // Sums of positive numbers, but an error of the noise moves the probability of speech
            // by a few times as much, and each of six rounds hands it on.
            const double found = (double)ub_matrix_column(&noise, t)[f];
            assert_true(fabs(found - wanted[t]) <= 1e-4 * wanted[t] + 1e-7);
        }
    }
    free(bin);
    free(wanted);
    ub_matrix_free(&noise);
}

static void the_noise_is_that_of_plain_loops(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_CASES; seed++) {
        print_message("seed %u\n", (unsigned)seed);
        ub_random random = ub_random_new(seed);
        ub_matrix v = matrix(nmf_case_size(&random, 40), nmf_case_size(&random, 120));
        for (size_t t = 0; t < v.n_cols; t++) {
            for (size_t f = 0; f < v.n_rows; f++) {
                const float x = ub_random_uniform(&random);
                ub_matrix_column(&v, t)[f] = x < 0.05f ? 0.0f : 0.05f + x;
            }
        }
        const ub_noise_floor_settings settings = {
            .smoothing_frames = (double)(nmf_case_size(&random, 5) - 1),
            .reach_frames = nmf_case_size(&random, 40) - 1,
            .bias = 0.5 + 2.0 * (double)ub_random_uniform(&random),
            .n_rounds = nmf_case_size(&random, 7) - 1,
            .memory_frames = (double)(nmf_case_size(&random, 20) - 1)};
        compare(&v, &settings);
        ub_matrix_free(&v);
    }
}

// The magnitude of what a Gaussian of this power may be.
static float rayleigh(ub_random *random, double power)
{
    return (float)sqrt(-power * log(1.0 - (double)ub_random_uniform(random)));
}

static void bursts_are_no_part_of_the_noise(void **state)
{
    (void)state;
    ub_random random = ub_random_new(3);
    ub_matrix v = matrix(64, 600), noise = matrix(64, 600);
    for (size_t t = 0; t < v.n_cols; t++) {
        const bool is_burst = t / 20 % 3 == 0;
        for (size_t f = 0; f < v.n_rows; f++) {
            ub_matrix_column(&v, t)[f] = rayleigh(&random, is_burst ? 400.0 : 4.0);
        }
    }
    const ub_noise_floor_settings settings = ub_noise_floor_settings_default(86.0);
    assert_int_equal(ub_noise_floor_find(&v, &settings, &noise), UB_OK);
    double sum = 0.0;
    for (size_t t = 100; t < 500; t++) {
        for (size_t f = 0; f < v.n_rows; f++) {
            sum += (double)ub_matrix_column(&noise, t)[f];
        }
    }
    const double mean = sum / (400.0 * 64.0);
    print_message("noise of 4, found %.2f, power of all %.0f\n", mean, 136.0);
    // Whatever is loud counts as speech, and some of the bursts' own scatter as noise: within 2 dB.
    assert_true(mean > 4.0 / 1.6 && mean < 4.0 * 1.6);
    ub_matrix_free(&v);
    ub_matrix_free(&noise);
}

static void in_silence_there_is_no_noise(void **state)
{
    (void)state;
    const ub_noise_floor_settings settings = {2.0, 5, 2.0, 3, 4.0};
    ub_matrix none = matrix(10, 0), silence = matrix(10, 20), noise = matrix(10, 20);
    assert_int_equal(ub_noise_floor_find(&none, &settings, &none), UB_OK);
    ub_matrix_column(&noise, 3)[4] = 7.0f;
    assert_int_equal(ub_noise_floor_find(&silence, &settings, &noise), UB_OK);
    assert_true(ub_matrix_largest(&noise) == 0.0f && ub_matrix_is_nonnegative(&noise));
    ub_matrix_free(&none);
    ub_matrix_free(&silence);
    ub_matrix_free(&noise);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_noise_is_that_of_plain_loops),
        cmocka_unit_test(bursts_are_no_part_of_the_noise),
        cmocka_unit_test(in_silence_there_is_no_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
