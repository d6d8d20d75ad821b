// SPDX-License-Identifier: GPL-3.0-or-later
// Starting points of the factorisation.
#include "malloc_guard.h"
#include "nmf_case.h"
#include "reference_svd.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const ub_start STARTS[] = {UB_START_RANDOM, UB_START_NNDSVD, UB_START_NNDSVDA,
                                  UB_START_NNDSVDAR};
enum { N_STARTS = 4 };

static nmf_case new_case(size_t n_channels, size_t n_bins, size_t n_frames, size_t n_components,
                         uint64_t seed)
{
    ub_random random = ub_random_new(seed);
    return nmf_case_new(n_channels, n_bins, n_frames, n_components, &random);
}

static void start(nmf_case *problem, ub_start how, uint64_t seed)
{
    assert_int_equal(ub_nmf_start(how, problem->spectra, problem->n_channels, seed,
                                  &problem->constraints, &problem->start, NULL),
                     UB_OK);
}

static float template_at(const nmf_case *problem, size_t f, size_t k)
{
    return ub_matrix_column(&problem->start.templates, k)[f];
}

static float activation_at(const nmf_case *problem, size_t k, size_t t)
{
    return ub_matrix_column(&problem->start.activations, t)[k];
}

// The sum of the channels, column by column.
static double *channel_sum(const nmf_case *problem)
{
    const size_t n = problem->n_bins * problem->n_frames;
    double *sum = calloc(n, sizeof *sum);
    assert_non_null(sum);
    for (size_t i = 0; i < problem->n_channels * n; i++) {
        sum[i % n] += problem->v[i];
    }
    return sum;
}

// What zeros of the published factors may be filled with.
static bool is_filled(ub_start how, double x, double mean)
{
    switch (how) {
    case UB_START_NNDSVDA:
        return fabs(x - mean) <= 1e-6 * mean;
    case UB_START_NNDSVDAR:
        return x >= 0.0 && x <= mean / 100.0;
    default:
        return x == 0.0;
    }
}

static void compare_entry(ub_start how, double x, double wanted, double scale, double mean,
                          double tolerance)
{
    const bool close = fabs(x - wanted) <= tolerance * scale;
    // An entry that is zero but for rounding may have been taken as either.
    assert_true(wanted > tolerance * scale ? close : close || is_filled(how, x, mean));
    if (wanted == 0.0) {
        assert_true(is_filled(how, x, mean) || (close && x > 0.0));
    }
}

static void check_nndsvd(nmf_case *problem, ub_start how, double tolerance, size_t *n_negative)
{
    const size_t m = problem->n_bins, n = problem->n_frames, n_k = problem->n_components;
    double *sum = channel_sum(problem), mean = 0.0;
    double *w = calloc(m * n_k, sizeof *w), *h = calloc(n * n_k, sizeof *h);
    assert_true(w && h);
    for (size_t i = 0; i < m * n; i++) {
        mean += sum[i] / (double)(m * n);
    }
    *n_negative += reference_nndsvd(sum, m, n, n_k, w, h);
    start(problem, how, 3);
    for (size_t k = 0; k < n_k; k++) {
        double w_scale = 0.0, h_scale = 0.0;
        for (size_t f = 0; f < m; f++) {
            w_scale = fmax(w_scale, w[k * m + f]);
        }
        for (size_t t = 0; t < n; t++) {
            h_scale = fmax(h_scale, h[t * n_k + k]);
        }
        for (size_t f = 0; f < m; f++) {
            compare_entry(how, (double)template_at(problem, f, k), w[k * m + f], w_scale, mean,
                          tolerance);
        }
        for (size_t t = 0; t < n; t++) {
            compare_entry(how, (double)activation_at(problem, k, t), h[t * n_k + k], h_scale, mean,
                          tolerance);
        }
    }
    free(sum);
    free(w);
    free(h);
}

// K beyond min(F, T) included; both signs must win in some of the components. The subspace
// iteration stops with vectors good to some 1e-5 of each component where singular values are close.
static void nndsvd_is_the_published_formula(void **state)
{
    (void)state;
    const size_t shapes[][4] = {{1, 12, 17, 5}, {2, 17, 12, 6}, {3, 9, 9, 9},  {1, 6, 20, 11},
                                {1, 1, 9, 3},   {1, 9, 1, 2},   {1, 40, 35, 8}};
    size_t n_negative = 0, n_components = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (size_t how = 1; how < N_STARTS; how++) {
            nmf_case problem =
                new_case(shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], 40 + i);
            check_nndsvd(&problem, STARTS[how], 1e-4, &n_negative);
            n_components += problem.n_components;
            nmf_case_free(&problem);
        }
    }
    print_message("negative parts won in %zu of %zu components\n", n_negative, n_components);
    assert_true(n_negative > 10 && n_components - n_negative > 10);
}

// V with a second triplet known by hand: u = (1, 1, -2, 0)/sqrt 6, v = (1, -3)/sqrt 10 beside
// v1 = (3, 1)/sqrt 10: positive parts 2/6 * 1/10, negative parts 4/6 * 9/10: the negative pair
// wins.
static void the_negative_branch_is_right_by_hand(void **state)
{
    (void)state;
    const double u1[] = {1.0, 1.0, 1.0, 0.0}, u2[] = {1.0, 1.0, -2.0, 0.0};
    const double v1[] = {3.0, 1.0}, v2[] = {1.0, -3.0};
    const double s1 = 20.0, s2 = 3.0;
    nmf_case problem = new_case(1, 4, 2, 2, 1);
    for (size_t t = 0; t < 2; t++) {
        for (size_t f = 0; f < 4; f++) {
            const double v =
                s1 * u1[f] * v1[t] / sqrt(3.0 * 10.0) + s2 * u2[f] * v2[t] / sqrt(6.0 * 10.0);
            assert_true(v >= 0.0);
            ub_matrix_column(&problem.spectra[0], t)[f] = (float)v;
        }
    }
    start(&problem, UB_START_NNDSVD, 1);
    const double norms = (2.0 / sqrt(6.0)) * (3.0 / sqrt(10.0)), scale = sqrt(s2 * norms);
    const double w[] = {0.0, 0.0, scale, 0.0}, h[] = {0.0, scale};
    for (size_t f = 0; f < 4; f++) {
        assert_true(fabs((double)template_at(&problem, f, 1) - w[f]) < 1e-5);
        assert_true(fabs((double)template_at(&problem, f, 0) - sqrt(s1 / 3.0) * u1[f]) < 1e-5);
    }
    for (size_t t = 0; t < 2; t++) {
        assert_true(fabs((double)activation_at(&problem, 1, t) - h[t]) < 1e-5);
        assert_true(fabs((double)activation_at(&problem, 0, t) - sqrt(s1 / 10.0) * v1[t]) < 1e-5);
    }
    nmf_case_free(&problem);
}

// With two equal largest values the leading vectors may have any signs.
static void a_double_leading_value_still_gives_magnitudes(void **state)
{
    (void)state;
    nmf_case problem = new_case(1, 4, 4, 2, 1);
    for (size_t i = 0; i < 16; i++) {
        ub_matrix_column(&problem.spectra[0], i / 4)[i % 4] = i % 5 == 0 ? 1.0f : 0.0f;
    }
    start(&problem, UB_START_NNDSVD, 1);
    double squares = 0.0;
    for (size_t f = 0; f < 4; f++) {
        squares += pow((double)template_at(&problem, f, 0), 2.0);
    }
    assert_true(fabs(squares - 1.0) < 1e-6); // |u| whole, not one sign of it
    nmf_case_free(&problem);
}

static void random_starts_have_the_level_of_each_frame(void **state)
{
    (void)state;
    nmf_case problem = new_case(2, 30, 20, 40, 4);
    for (size_t f = 0; f < 30; f++) {
        ub_matrix_column(&problem.spectra[0], 7)[f] = 0.0f;
        ub_matrix_column(&problem.spectra[1], 7)[f] = 0.0f;
    }
    nmf_case_reread(&problem);
    start(&problem, UB_START_RANDOM, 5);
    double *sum = channel_sum(&problem);
    for (size_t t = 0; t < 20; t++) {
        double level = 0.0, model = 0.0;
        for (size_t f = 0; f < 30; f++) {
            level += sum[t * 30 + f];
        }
        for (size_t k = 0; k < 40; k++) {
            model += (double)activation_at(&problem, k, t);
        }
        assert_true(t != 7 || model == 0.0);
        assert_true(fabs(model - level) <= 0.3 * level);
    }
    for (size_t k = 0; k < 40; k++) {
        double total = 0.0;
        for (size_t f = 0; f < 30; f++) {
            total += (double)template_at(&problem, f, k);
            assert_true(template_at(&problem, f, k) > 0.0f);
        }
        assert_true(fabs(total - 1.0) < 1e-5);
    }
    free(sum);
    nmf_case_free(&problem);
}

static void a_seed_decides_the_start(void **state)
{
    (void)state;
    for (size_t how = 0; how < N_STARTS; how++) {
        nmf_case one = new_case(1, 20, 30, 5, 6), same = new_case(1, 20, 30, 5, 6);
        nmf_case other = new_case(1, 20, 30, 5, 6);
        start(&one, STARTS[how], 1);
        start(&same, STARTS[how], 1);
        start(&other, STARTS[how], 2);
        assert_true(nmf_case_same(&one.start, &same.start));
        if (STARTS[how] == UB_START_RANDOM || STARTS[how] == UB_START_NNDSVDAR) {
            assert_false(nmf_case_same(&one.start, &other.start));
        }
        nmf_case_free(&one);
        nmf_case_free(&same);
        nmf_case_free(&other);
    }
}

static void what_is_fixed_is_left_alone(void **state)
{
    (void)state;
    for (size_t how = 0; how < N_STARTS; how++) {
        nmf_case problem = new_case(2, 20, 30, 3, 7);
        problem.fixed_templates[1] = problem.fixed_activations[2] = true;
        problem.constraints.fixed_templates = problem.fixed_templates;
        problem.constraints.fixed_activations = problem.fixed_activations;
        ub_matrix_column(&problem.start.templates, 1)[3] = 0.0f;
        ub_nmf_factors before = nmf_case_copy(&problem.start);
        start(&problem, STARTS[how], 1);
        for (size_t k = 0; k < 3; k++) {
            const bool same =
                memcmp(ub_matrix_column(&before.templates, k),
                       ub_matrix_column(&problem.start.templates, k), 20 * sizeof(float)) == 0;
            assert_true(same == (k == 1));
            for (size_t t = 0; t < 30; t++) {
                const float h = ub_matrix_column(&before.activations, t)[k];
                assert_true((h == activation_at(&problem, k, t)) == (k == 2));
            }
            assert_memory_equal(ub_matrix_column(&before.gains, k),
                                ub_matrix_column(&problem.start.gains, k), 2 * sizeof(float));
        }
        ub_nmf_factors_free(&before);
        nmf_case_free(&problem);
    }
}

static void shapes_that_differ_are_refused(void **state)
{
    (void)state;
    for (size_t how = 0; how < N_STARTS; how++) {
        nmf_case problem = new_case(2, 20, 30, 3, 8);
        size_t *sizes[] = {
            &problem.spectra[0].n_rows,        &problem.spectra[1].n_rows,
            &problem.spectra[1].n_cols,        &problem.start.templates.n_rows,
            &problem.start.templates.n_cols,   &problem.start.activations.n_rows,
            &problem.start.activations.n_cols,
        };
        ub_nmf_factors before = nmf_case_copy(&problem.start);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            ub_message why = {""};
            const size_t good = (*sizes[i])--;
            assert_int_equal(
                ub_nmf_start(STARTS[how], problem.spectra, 2, 1, NULL, &problem.start, &why),
                UB_BAD_SHAPE);
            assert_true(strlen(why.text) > 10);
            *sizes[i] = good;
        }
        assert_int_equal(
            ub_nmf_start(STARTS[how], problem.spectra, 0, 1, NULL, &problem.start, NULL),
            UB_BAD_SHAPE);
        assert_int_equal(ub_nmf_start(STARTS[how], problem.spectra, UB_NMF_MAX_CHANNELS + 1, 1,
                                      NULL, &problem.start, NULL),
                         UB_BAD_SHAPE);
        assert_true(nmf_case_same(&before, &problem.start));
        ub_nmf_factors_free(&before);
        nmf_case_free(&problem);
    }
}

static void failed_allocations_leave_the_start_alone(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    nmf_case problem = new_case(2, 20, 30, 3, 9);
    ub_nmf_factors before = nmf_case_copy(&problem.start);
    ub_status status = UB_NO_MEMORY;
    size_t n = 0, held = 0;
    while (status == UB_NO_MEMORY) {
        ub_message why = {""};
        assert_true(nmf_case_same(&before, &problem.start));
        malloc_guard_start(++n);
        status = ub_nmf_start(UB_START_NNDSVDA, problem.spectra, 2, 1, NULL, &problem.start, &why);
        malloc_guard_stop(&held);
        assert_int_equal(held, 0);
        assert_true(status == UB_OK || strlen(why.text) > 10);
    }
    assert_int_equal(status, UB_OK);
    assert_true(n > 8);
    ub_nmf_factors_free(&before);
    nmf_case_free(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nndsvd_is_the_published_formula),
        cmocka_unit_test(the_negative_branch_is_right_by_hand),
        cmocka_unit_test(a_double_leading_value_still_gives_magnitudes),
        cmocka_unit_test(random_starts_have_the_level_of_each_frame),
        cmocka_unit_test(a_seed_decides_the_start),
        cmocka_unit_test(what_is_fixed_is_left_alone),
        cmocka_unit_test(shapes_that_differ_are_refused),
        cmocka_unit_test(failed_allocations_leave_the_start_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
