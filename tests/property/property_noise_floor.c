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
    ub_matrix share = matrix(v->n_rows, n);
    double *bin = calloc(n, sizeof *bin), *wanted = calloc(n, sizeof *wanted);
    assert_true(bin && wanted);
    assert_int_equal(ub_noise_floor_share(v, settings, &share), UB_OK);
    for (size_t f = 0; f < v->n_rows; f++) {
        for (size_t t = 0; t < n; t++) {
            bin[t] = (double)ub_matrix_column(v, t)[f];
        }
        reference_noise_floor(bin, n, settings->smoothing_frames, settings->reach_frames,
                              settings->bias, wanted);
        for (size_t t = 0; t < n; t++) {
            // Recursions of sums of positive numbers: a few roundings.
            const double found = (double)ub_matrix_column(&share, t)[f];
            assert_true(fabs(found - wanted[t]) < 2e-5);
        }
    }
    free(bin);
    free(wanted);
    ub_matrix_free(&share);
}

static void shares_are_those_of_plain_loops(void **state)
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
            .bias = 0.5 + 2.0 * (double)ub_random_uniform(&random)};
        compare(&v, &settings);
        ub_matrix_free(&v);
    }
}

static void nothing_and_silence_have_no_share(void **state)
{
    (void)state;
    const ub_noise_floor_settings settings = {2.0, 5, 2.0};
    ub_matrix none = matrix(10, 0), silence = matrix(10, 20), share = matrix(10, 20);
    assert_int_equal(ub_noise_floor_share(&none, &settings, &none), UB_OK);
    ub_matrix_column(&share, 3)[4] = 7.0f;
    assert_int_equal(ub_noise_floor_share(&silence, &settings, &share), UB_OK);
    assert_true(ub_matrix_largest(&share) == 0.0f && ub_matrix_is_nonnegative(&share));
    ub_matrix_free(&none);
    ub_matrix_free(&silence);
    ub_matrix_free(&share);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_those_of_plain_loops),
        cmocka_unit_test(nothing_and_silence_have_no_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
