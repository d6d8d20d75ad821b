// SPDX-License-Identifier: GPL-3.0-or-later
// What a caller of the factorisation may rely on beside its numbers, which property_nmf.c checks.
#include "malloc_guard.h"
#include "nmf_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static ub_status fit(nmf_case *problem, ub_nmf_factors *factors, ub_nmf_report *report,
                     ub_message *why)
{
    return ub_nmf_fit(problem->spectra, problem->n_channels, &problem->settings,
                      &problem->constraints, NULL, factors, report, why);
}

// The fit is refused with that status and a sentence, and nothing has changed.
static void assert_refused(nmf_case *problem, ub_status status)
{
    ub_nmf_factors before = nmf_case_copy(&problem->start);
    ub_nmf_report report = {.n_iterations = 77};
    ub_message why = {""};
    assert_int_equal(fit(problem, &problem->start, &report, &why), status);
    assert_true(strlen(why.text) > 10);
    assert_true(nmf_case_same(&problem->start, &before));
    assert_int_equal(report.n_iterations, 77);
    assert_int_equal(fit(problem, &problem->start, NULL, NULL), status);
    ub_nmf_factors_free(&before);
}

static void default_settings_are_as_documented(void **state)
{
    (void)state;
    const ub_nmf_settings s = ub_nmf_settings_default();
    assert_true(s.beta == 1.0 && s.n_iterations == 100 && s.tolerance == 1e-4);
    assert_true(s.relaxation == 1.5 && s.norm == UB_NORM_L1 && s.n_threads == 0);
    assert_true(s.l1_activations == 0.0 && s.l2_activations == 0.0 && s.continuity == 0.0);
    assert_true(s.l1_templates == 0.0 && s.l2_templates == 0.0 && !s.kernels && !s.multiplicative);
    assert_int_equal(ub_nmf_settings_check(&s, NULL), UB_OK);
}

static void new_factors_are_zero_with_equal_gains(void **state)
{
    (void)state;
    ub_nmf_factors factors;
    assert_int_equal(ub_nmf_factors_new(5, 7, 2, 3, &factors), UB_OK);
    assert_true(factors.templates.n_rows == 5 && factors.templates.n_cols == 3);
    assert_true(factors.activations.n_rows == 3 && factors.activations.n_cols == 7);
    for (size_t k = 0; k < 3; k++) {
        assert_true(ub_matrix_column(&factors.gains, k)[0] == 0.5f);
        assert_true(ub_matrix_column(&factors.gains, k)[1] == 0.5f);
        assert_true(ub_matrix_column(&factors.templates, k)[4] == 0.0f);
    }
    ub_nmf_factors_free(&factors);
    ub_nmf_factors_free(&factors);
    ub_nmf_factors_free(NULL);
    assert_int_equal(ub_nmf_factors_new(SIZE_MAX / 8, 7, 2, 3, &factors), UB_NO_MEMORY);
}

static void settings_outside_their_range_are_refused(void **state)
{
    (void)state;
    nmf_case problem = nmf_case_two_channels(21);
    const ub_nmf_settings good = problem.settings;
    ub_nmf_settings *s = &problem.settings;
    double *values[] = {&s->beta,         &s->beta,         &s->tolerance,      &s->tolerance,
                        &s->relaxation,   &s->relaxation,   &s->l1_activations, &s->l2_activations,
                        &s->l1_templates, &s->l2_templates, &s->continuity,     &s->l1_activations};
    const double bad[] = {-4.1, 4.1, -0.1, 1.1, 0.9, 2.0, -1.0, -1.0, -1.0, -1.0, -1.0, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        *values[i] = bad[i];
        assert_refused(&problem, UB_BAD_SETTING);
        *values[i] = NAN;
        assert_refused(&problem, UB_BAD_SETTING);
        *s = good;
    }
    s->norm = (ub_norm)7;
    assert_refused(&problem, UB_BAD_SETTING);
    *s = good;
    s->kernels = "z80";
    assert_refused(&problem, UB_BAD_SETTING);
    nmf_case_free(&problem);
}

static void values_that_are_not_magnitudes_are_refused(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY, -1e-3f, 2e15f};
    nmf_case problem = nmf_case_two_channels(21);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        float *places[] = {
            ub_matrix_column(&problem.spectra[1], 49) + 32,
            ub_matrix_column(&problem.start.templates, 3) + 32,
            ub_matrix_column(&problem.start.activations, 49) + 3,
            ub_matrix_column(&problem.start.gains, 3) + 1,
        };
        for (size_t place = 0; place < 4; place++) {
            const float good = *places[place];
            *places[place] = bad[i];
            assert_refused(&problem, UB_BAD_VALUE);
            *places[place] = good;
        }
    }
    nmf_case_free(&problem);
}

// A view of some bins of a larger spectrogram is no spectrogram of its own.
static void padding_that_is_not_zero_is_refused(void **state)
{
    (void)state;
    nmf_case problem = nmf_case_two_channels(21);
    ub_matrix_column(&problem.spectra[1], 20)[33] = 1.0f;
    assert_refused(&problem, UB_BAD_VALUE);
    ub_matrix_column(&problem.spectra[1], 20)[33] = NAN;
    assert_refused(&problem, UB_BAD_VALUE);
    nmf_case_free(&problem);
}

static void shapes_that_differ_are_refused(void **state)
{
    (void)state;
    nmf_case problem = nmf_case_two_channels(21);
    size_t *sizes[] = {
        &problem.spectra[0].n_rows,        &problem.spectra[1].n_rows,
        &problem.spectra[0].n_cols,        &problem.spectra[1].n_cols,
        &problem.start.templates.n_rows,   &problem.start.templates.n_cols,
        &problem.start.activations.n_rows, &problem.start.activations.n_cols,
        &problem.start.gains.n_rows,       &problem.start.gains.n_cols,
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t good = (*sizes[i])--;
        assert_refused(&problem, UB_BAD_SHAPE);
        *sizes[i] = good;
    }
    const size_t wrong_counts[] = {0, 1, UB_NMF_MAX_CHANNELS + 1};
    for (size_t i = 0; i < 3; i++) {
        problem.n_channels = wrong_counts[i];
        assert_refused(&problem, UB_BAD_SHAPE);
    }
    problem.n_channels = 2;
    nmf_case_free(&problem);
}

static void nothing_to_factorise_is_refused(void **state)
{
    (void)state;
    const size_t shapes[][3] = {{0, 5, 2}, {5, 0, 2}, {5, 5, 0}, {1, 1, UB_NMF_MAX_COMPONENTS + 1}};
    for (size_t i = 0; i < 4; i++) {
        nmf_case problem = {.n_channels = 1, .settings = ub_nmf_settings_default()};
        assert_int_equal(ub_matrix_new(shapes[i][0], shapes[i][1], &problem.spectra[0]), UB_OK);
        assert_int_equal(
            ub_nmf_factors_new(shapes[i][0], shapes[i][1], 1, shapes[i][2], &problem.start), UB_OK);
        assert_refused(&problem, UB_BAD_SHAPE);
        nmf_case_free(&problem);
    }
}

static void a_gain_group_that_does_not_exist_is_refused(void **state)
{
    (void)state;
    nmf_case problem = nmf_case_two_channels(21);
    problem.constraints.gain_groups = problem.gain_groups;
    problem.gain_groups[3] = 4;
    assert_refused(&problem, UB_BAD_VALUE);
    problem.gain_groups[3] = 3;
    assert_int_equal(fit(&problem, &problem.start, NULL, NULL), UB_OK);
    nmf_case_free(&problem);
}

// ---- progress ----------------------------------------------------------------------------------

// A strong penalty makes updates rise and be taken back, where a naive fraction would fall.
static void progress_never_falls_and_ends_at_one(void **state)
{
    (void)state;
    nmf_case problem = nmf_case_two_channels(21);
    problem.settings.relaxation = 1.9;
    problem.settings.continuity = 5.0;
    nmf_listener l = {0};
    const ub_progress progress = {.report = nmf_listen, .context = &l};
    ub_nmf_report report = {0};
    assert_int_equal(ub_nmf_fit(problem.spectra, 2, &problem.settings, NULL, &progress,
                                &problem.start, &report, NULL),
                     UB_OK);
    assert_true(report.n_rejected > 0);
    assert_false(l.is_wrong);
    assert_true(l.last == 1.0 && l.n_calls > 50);
    nmf_case_free(&problem);
}

static void cancelling_leaves_the_factors_unchanged(void **state)
{
    (void)state;
    nmf_case problem = nmf_case_two_channels(21);
    for (size_t cancel_at = 1; cancel_at < 51; cancel_at += 7) {
        assert_true(nmf_case_cancels(&problem, cancel_at));
    }
    nmf_case_free(&problem);
}

// ---- determinism -------------------------------------------------------------------------------

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    const size_t n_frames[] = {30, 250, 1700};
    const double betas[] = {0.0, 1.0, 1.3};
    ub_random random = ub_random_new(22);
    for (size_t i = 0; i < 9; i++) {
        nmf_case problem = nmf_case_new(2, 37, n_frames[i % 3], 6, &random);
        problem.settings.beta = betas[i / 3];
        problem.settings.n_iterations = 7;
        problem.settings.l1_templates = i % 2 ? 0.1 : 0.0;
        ub_nmf_factors one = nmf_case_copy(&problem.start);
        ub_nmf_report report = {0};
        assert_int_equal(fit(&problem, &one, &report, NULL), UB_OK);
        const size_t n_threads[] = {2, 3, 0};
        for (size_t n = 0; n < 3; n++) {
            problem.settings.n_threads = n_threads[n];
            ub_nmf_factors more = nmf_case_copy(&problem.start);
            ub_nmf_report more_report = {0};
            assert_int_equal(fit(&problem, &more, &more_report, NULL), UB_OK);
            assert_true(nmf_case_same(&one, &more));
            assert_true(report.cost == more_report.cost);
            ub_nmf_factors_free(&more);
        }
        ub_nmf_factors_free(&one);
        nmf_case_free(&problem);
    }
}

// ---- stopping ----------------------------------------------------------------------------------

static void zero_iterations_only_evaluate(void **state)
{
    (void)state;
    nmf_case problem = nmf_case_two_channels(21);
    problem.settings.n_iterations = 0;
    const reference_nmf nmf = nmf_case_reference(&problem);
    reference_point start = nmf_case_point(&problem, &problem.start);
    const double wanted = reference_objective(&nmf, &start);
    double costs[1] = {0.0};
    ub_nmf_report report = {.costs = costs};
    assert_int_equal(fit(&problem, &problem.start, &report, NULL), UB_OK);
    assert_int_equal(report.n_iterations, 0);
    assert_true(fabs(report.cost - wanted) <= 1e-6 * wanted);
    assert_true(costs[0] == report.cost);
    reference_point after = nmf_case_point(&problem, &problem.start);
    assert_true(nmf_case_distance(&problem, &after, &start) < 1e-6);
    reference_point_free(&start);
    reference_point_free(&after);
    nmf_case_free(&problem);
}

// ---- constraints -------------------------------------------------------------------------------

static double column_sum(const ub_matrix *matrix, size_t col)
{
    double sum = 0.0;
    for (size_t row = 0; row < matrix->n_rows; row++) {
        sum += (double)ub_matrix_column(matrix, col)[row];
    }
    return sum;
}

static void fixed_entries_keep_their_bits_and_the_rest_moves(void **state)
{
    (void)state;
    nmf_case problem = nmf_case_two_channels(21);
    problem.fixed_templates[0] = problem.fixed_activations[1] = problem.fixed_gains[2] = true;
    problem.constraints = (ub_nmf_constraints){
        .fixed_templates = problem.fixed_templates,
        .fixed_activations = problem.fixed_activations,
        .fixed_gains = problem.fixed_gains,
    };
    ub_nmf_factors fitted = nmf_case_copy(&problem.start);
    assert_int_equal(fit(&problem, &fitted, NULL, NULL), UB_OK);
    for (size_t k = 0; k < 4; k++) {
        const float *w = ub_matrix_column(&problem.start.templates, k);
        const float *q = ub_matrix_column(&problem.start.gains, k);
        const float *new_w = ub_matrix_column(&fitted.templates, k);
        const float *new_q = ub_matrix_column(&fitted.gains, k);
        assert_true((memcmp(w, new_w, 33 * sizeof *w) == 0) == (k == 0));
        assert_true((memcmp(q, new_q, 2 * sizeof *q) == 0) == (k == 2));
        for (size_t t = 0; t < 50; t++) {
            const float h = ub_matrix_column(&problem.start.activations, t)[k];
            assert_true((h == ub_matrix_column(&fitted.activations, t)[k]) == (k == 1));
        }
        // Norms, where the scale can go to the activations.
        assert_true(k < 2 || fabs(column_sum(&fitted.templates, k) - 1.0) < 1e-5);
        assert_true(k % 2 == 1 || k == 2 || fabs(column_sum(&fitted.gains, k) - 1.0) < 1e-5);
    }
    ub_nmf_factors_free(&fitted);
    nmf_case_free(&problem);
}

// Also where they start apart, and where one member has fixed activations.
static void components_of_a_group_share_their_gains(void **state)
{
    (void)state;
    for (size_t variant = 0; variant < 4; variant++) {
        nmf_case problem = nmf_case_two_channels(21);
        const size_t groups[] = {3, 1, 3, 1};
        memcpy(problem.gain_groups, groups, sizeof groups);
        problem.constraints.gain_groups = problem.gain_groups;
        problem.fixed_activations[2] = variant % 2 == 1;
        problem.constraints.fixed_activations = problem.fixed_activations;
        problem.settings.l2_activations = variant / 2 ? 0.1 : 0.0;
        assert_int_equal(fit(&problem, &problem.start, NULL, NULL), UB_OK);
        for (size_t c = 0; c < 2; c++) {
            const float *q[4];
            for (size_t k = 0; k < 4; k++) {
                q[k] = ub_matrix_column(&problem.start.gains, k);
            }
            assert_true(fabsf(q[0][c] - q[2][c]) <= 1e-6f * q[0][c]);
            assert_true(fabsf(q[1][c] - q[3][c]) <= 1e-6f * q[1][c]);
            assert_true(fabsf(q[0][c] - q[1][c]) > 1e-4f);
        }
        nmf_case_free(&problem);
    }
}

// ---- hard numbers ------------------------------------------------------------------------------

// One row can still come back, one is too quiet for its gradient.
static void a_dying_row_does_not_poison_continuity(void **state)
{
    (void)state;
    const double weights[] = {0.5, 1e5};
    for (size_t i = 0; i < 2; i++) {
        nmf_case problem = nmf_case_two_channels(21);
        problem.settings.continuity = weights[i];
        for (size_t t = 0; t < 50; t++) {
            ub_matrix_column(&problem.start.activations, t)[1] *= 1e-28f;
            ub_matrix_column(&problem.start.activations, t)[2] *= 2e-37f;
        }
        ub_nmf_report report = {0};
        assert_int_equal(fit(&problem, &problem.start, &report, NULL), UB_OK);
        assert_true(isfinite(report.cost) && report.n_iterations == 50 && report.n_rejected == 0);
        assert_true(ub_matrix_is_nonnegative(&problem.start.activations));
        assert_true(ub_matrix_is_nonnegative(&problem.start.templates));
        nmf_case_free(&problem);
    }
}

// The general formula divides by beta (beta - 1).
static void beta_close_to_its_limits_is_the_limit(void **state)
{
    (void)state;
    const double betas[][2] = {{1.0 + 1e-9, 1.0}, {1.0 - 1e-5, 1.0}, {1e-9, 0.0}, {-1e-5, 0.0}};
    nmf_case problem = nmf_case_two_channels(21);
    for (size_t i = 0; i < 4; i++) {
        ub_nmf_factors near = nmf_case_copy(&problem.start);
        ub_nmf_factors at = nmf_case_copy(&problem.start);
        problem.settings.beta = betas[i][0];
        assert_int_equal(fit(&problem, &near, NULL, NULL), UB_OK);
        problem.settings.beta = betas[i][1];
        assert_int_equal(fit(&problem, &at, NULL, NULL), UB_OK);
        assert_true(nmf_case_same(&near, &at));
        ub_nmf_factors_free(&near);
        ub_nmf_factors_free(&at);
    }
    nmf_case_free(&problem);
}

static void the_level_of_the_data_does_not_matter(void **state)
{
    (void)state;
    const double betas[] = {0.0, 0.5, 1.0, 1.5, 2.0};
    for (size_t i = 0; i < 5; i++) {
        nmf_case problem = nmf_case_two_channels(21);
        problem.settings.beta = betas[i];
        ub_nmf_factors plain = nmf_case_copy(&problem.start);
        ub_nmf_factors quiet = nmf_case_copy(&problem.start);
        assert_int_equal(fit(&problem, &plain, NULL, NULL), UB_OK);
        const float level = 0x1p-30f; // about -180 dB
        for (size_t j = 0; j < 2 * 50 * 33; j++) {
            ub_matrix_column(&problem.spectra[j % 2], j / 2 / 33)[j / 2 % 33] *= level;
        }
        assert_int_equal(fit(&problem, &quiet, NULL, NULL), UB_OK);
        for (size_t k = 0; k < 4; k++) {
            for (size_t f = 0; f < 33; f++) {
                const float w = ub_matrix_column(&plain.templates, k)[f];
                assert_true(fabsf(ub_matrix_column(&quiet.templates, k)[f] - w) <=
                            1e-4f * w + 1e-6f);
            }
        }
        ub_nmf_factors_free(&plain);
        ub_nmf_factors_free(&quiet);
        nmf_case_free(&problem);
    }
}

static void every_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    nmf_case problem = nmf_case_two_channels(21);
    problem.settings.continuity = 0.1;
    problem.settings.beta = 1.5;
    problem.settings.n_iterations = 1;
    ub_nmf_factors before = nmf_case_copy(&problem.start);
    size_t n = 0, held = 0;
    ub_status status = UB_NO_MEMORY;
    while (status == UB_NO_MEMORY) {
        assert_true(nmf_case_same(&before, &problem.start));
        ub_message why = {""};
        malloc_guard_start(++n);
        status = fit(&problem, &problem.start, NULL, &why);
        malloc_guard_stop(&held);
        assert_int_equal(held, 0);
        assert_true(status == UB_OK || strstr(why.text, "memory"));
    }
    assert_int_equal(status, UB_OK);
    assert_true(n > 10);
    ub_nmf_factors_free(&before);
    nmf_case_free(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_settings_are_as_documented),
        cmocka_unit_test(new_factors_are_zero_with_equal_gains),
        cmocka_unit_test(settings_outside_their_range_are_refused),
        cmocka_unit_test(values_that_are_not_magnitudes_are_refused),
        cmocka_unit_test(padding_that_is_not_zero_is_refused),
        cmocka_unit_test(shapes_that_differ_are_refused),
        cmocka_unit_test(nothing_to_factorise_is_refused),
        cmocka_unit_test(a_gain_group_that_does_not_exist_is_refused),
        cmocka_unit_test(progress_never_falls_and_ends_at_one),
        cmocka_unit_test(cancelling_leaves_the_factors_unchanged),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(zero_iterations_only_evaluate),
        cmocka_unit_test(fixed_entries_keep_their_bits_and_the_rest_moves),
        cmocka_unit_test(components_of_a_group_share_their_gains),
        cmocka_unit_test(a_dying_row_does_not_poison_continuity),
        cmocka_unit_test(beta_close_to_its_limits_is_the_limit),
        cmocka_unit_test(the_level_of_the_data_does_not_matter),
        cmocka_unit_test(every_failed_allocation_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
