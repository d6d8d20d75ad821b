// SPDX-License-Identifier: GPL-3.0-or-later
// The repeating background against a textbook loop in double precision, over seeded random shapes.
#include "factor/bands.h"
#include "guide/repetition.h"
#include "nmf_case.h"
#include "reference_repetition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N_CASES = 30 };

static double *doubles(const ub_matrix *m)
{
    double *x = calloc(m->n_rows * m->n_cols + 1, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < m->n_rows * m->n_cols; i++) {
        x[i] = (double)ub_matrix_column(m, i / m->n_rows)[i % m->n_rows];
    }
    return x;
}

// Powers of random numbers: some bins far above others, some frames silent.
static ub_matrix random_magnitudes(ub_random *random)
{
    ub_matrix m;
    const size_t n_bins = nmf_case_size(random, 300), n_frames = nmf_case_size(random, 90);
    assert_int_equal(ub_matrix_new(n_bins, n_frames, &m), UB_OK);
    for (size_t t = 0; t < n_frames; t++) {
        const bool is_silent = ub_random_uniform(random) < 0.03f;
        for (size_t f = 0; f < n_bins; f++) {
            const float x = ub_random_uniform(random);
            ub_matrix_column(&m, t)[f] = is_silent || x < 0.1f ? 0.0f : x * x * x;
        }
    }
    return m;
}

static double *features_of(const ub_matrix *magnitudes, size_t *n_features)
{
    ub_bands bands;
    ub_matrix merged;
    assert_int_equal(ub_bands_new(magnitudes->n_rows, 0, &bands), UB_OK);
    assert_int_equal(ub_bands_merge_matrix(&bands, magnitudes, &merged), UB_OK);
    double *features = doubles(&merged);
    *n_features = merged.n_rows;
    ub_matrix_free(&merged);
    ub_bands_free(&bands);
    return features;
}

static ub_matrix mask_of(const ub_matrix *magnitudes, const ub_repetition_settings *settings)
{
    ub_matrix mask;
    assert_int_equal(ub_matrix_new(magnitudes->n_rows, magnitudes->n_cols, &mask), UB_OK);
    assert_int_equal(ub_repetition_mask(magnitudes, settings, NULL, &mask), UB_OK);
    return mask;
}

// @return how many frames were compared.
static size_t compare(const ub_matrix *magnitudes, const ub_repetition_settings *settings)
{
    reference_repetition problem = {.n_bins = magnitudes->n_rows,
                                    .n_frames = magnitudes->n_cols,
                                    .n_similar = settings->n_similar,
                                    .apart = settings->apart_frames,
                                    .first_bin = settings->first_bin};
    double *v = doubles(magnitudes), *features = features_of(magnitudes, &problem.n_features);
    problem.v = v;
    problem.features = features;
    double *wanted = calloc(problem.n_bins * problem.n_frames, sizeof *wanted);
    double *margins = calloc(problem.n_frames, sizeof *margins);
    assert_true(wanted && margins);
    reference_repetition_mask(&problem, wanted, margins);
    ub_matrix found = mask_of(magnitudes, settings);
    size_t n = 0;
    for (size_t t = 0; t < problem.n_frames; t++) {
        // Sums of up to 200 products in single precision may be 1e-6 off.
        if (margins[t] < 1e-5) {
            continue;
        }
        for (size_t f = 0; f < problem.n_bins; f++) {
            // A difference and a quotient of floats.
            assert_true(fabs((double)ub_matrix_column(&found, t)[f] -
                             wanted[t * problem.n_bins + f]) < 1e-6);
        }
        n++;
    }
    ub_matrix_free(&found);
    free(v);
    free(features);
    free(wanted);
    free(margins);
    return n;
}

static void masks_are_those_of_the_textbook(void **state)
{
    (void)state;
    size_t n_compared = 0, n_frames = 0;
    for (uint64_t seed = 1; seed <= N_CASES; seed++) {
        print_message("seed %u\n", (unsigned)seed);
        ub_random random = ub_random_new(seed);
        ub_matrix magnitudes = random_magnitudes(&random);
        const ub_repetition_settings settings = {.n_similar = nmf_case_size(&random, 30),
                                                 .apart_frames = nmf_case_size(&random, 12),
                                                 .first_bin = nmf_case_size(&random, 9) - 1,
                                                 .n_threads = 1};
        n_compared += compare(&magnitudes, &settings);
        n_frames += magnitudes.n_cols;
        ub_matrix_free(&magnitudes);
    }
    // Silent frames are alike to all, and a few others have near ties.
    assert_true(n_compared > n_frames / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_are_those_of_the_textbook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
