// SPDX-License-Identifier: GPL-3.0-or-later
// Gaussian means against plain loops in double precision, over seeded random shapes.
#include "guide/blur.h"
#include "nmf_case.h"
#include "reference_blur.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N_CASES = 40 };

static ub_matrix matrix(size_t n_bins, size_t n_frames)
{
    ub_matrix m;
    assert_int_equal(ub_matrix_new(n_bins, n_frames, &m), UB_OK);
    return m;
}

static void compare(const ub_matrix *v, double frames, double bins)
{
    const size_t n_bins = v->n_rows, n_frames = v->n_cols;
    ub_matrix found = matrix(n_bins, n_frames);
    double *copy = calloc(n_bins * n_frames, sizeof *copy);
    assert_non_null(copy);
    for (size_t i = 0; i < n_bins * n_frames; i++) {
        copy[i] = (double)ub_matrix_column(v, i / n_bins)[i % n_bins];
    }
    assert_int_equal(ub_blur(v, frames, bins, &found), UB_OK);
    for (size_t i = 0; i < n_bins * n_frames; i++) {
        const size_t t = i / n_bins, f = i % n_bins;
        const double wanted = reference_blur(copy, n_bins, n_frames, bins, frames, f, t);
        // Sums of some ten positive numbers.
        assert_true(fabs((double)ub_matrix_column(&found, t)[f] - wanted) < 4e-6 * wanted);
    }
    free(copy);
    ub_matrix_free(&found);
}

static void means_are_those_of_plain_loops(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_CASES; seed++) {
        print_message("seed %u\n", (unsigned)seed);
        ub_random random = ub_random_new(seed);
        ub_matrix v = matrix(nmf_case_size(&random, 30), nmf_case_size(&random, 30));
        for (size_t t = 0; t < v.n_cols; t++) {
            for (size_t f = 0; f < v.n_rows; f++) {
                ub_matrix_column(&v, t)[f] = 0.1f + ub_random_uniform(&random);
            }
        }
        const double frames = 4.0 * (double)ub_random_uniform(&random);
        compare(&v, seed % 5 == 0 ? 0.0 : frames, 6.0 * (double)ub_random_uniform(&random));
        ub_matrix_free(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_are_those_of_plain_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
