// SPDX-License-Identifier: GPL-3.0-or-later
// The fit of the Euclidean distance by coordinate descent against textbook loops in double
// precision, over seeded random shapes.
#include "nmf_case.h"
#include "reference_euclid.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { N_UPDATES = 8, MOST_UPDATES = 100 };

static nmf_case random_case(ub_random *random)
{
    nmf_case problem = nmf_case_random(random);
    problem.settings.beta = 2.0;
    problem.settings.norm = ub_random_bits(random) % 2 ? UB_NORM_L2 : UB_NORM_L1;
    problem.settings.n_iterations = N_UPDATES;
    return problem;
}

// A dictionary: penalties on activations whose templates and gains stay.
static void draw_penalties(nmf_case *problem, ub_random *random)
{
    for (size_t k = 0; k < problem->n_components; k++) {
        problem->fixed_templates[k] = problem->fixed_gains[k] = true;
    }
    problem->constraints.fixed_templates = problem->fixed_templates;
    problem->constraints.fixed_gains = problem->fixed_gains;
    problem->settings.l1_activations = 0.3 * (double)ub_random_uniform(random);
    problem->settings.l2_activations = 0.1 * (double)ub_random_uniform(random);
    problem->settings.l1_templates = 0.1 * (double)ub_random_uniform(random);
}

// Worst relative difference of costs, of the model, and of the report from what it reports on.
typedef struct tally {
    double cost, model, report;
} tally;

static void compare(const nmf_case *problem, const char *kernels, tally *worst)
{
    const reference_nmf nmf = nmf_case_reference(problem);
    reference_point wanted = nmf_case_point(problem, &problem->start);
    double wanted_costs[N_UPDATES + 1], costs[N_UPDATES + 1];
    reference_euclid_fit(&nmf, &wanted, N_UPDATES, wanted_costs);
    ub_nmf_report report = {.costs = costs};
    ub_nmf_factors fitted = nmf_case_fit(problem, kernels, &report);
    reference_point point = nmf_case_point(problem, &fitted);
    for (size_t i = 0; i <= report.n_iterations; i++) {
        worst->cost = fmax(worst->cost, nmf_case_apart(problem, costs[i], wanted_costs[i]));
    }
    worst->model = fmax(worst->model, nmf_case_distance(problem, &point, &wanted));
    worst->report = fmax(worst->report,
                         nmf_case_apart(problem, report.cost, reference_objective(&nmf, &point)));
    reference_point_free(&point);
    reference_point_free(&wanted);
    ub_nmf_factors_free(&fitted);
}

// Eight updates of seven sweeps each enlarge the rounding of single precision somewhat: it decides
// which entries end at zero. Costs reach 8e-5 and models 8e-6 here.
static void updates_match_the_reference(void **state)
{
    (void)state;
    const char *names[4];
    const size_t n_sets = ub_nmf_kernels(names);
    ub_random random = ub_random_new(31);
    tally worst = {0};
    for (size_t i = 0; i < 48; i++) {
        nmf_case problem = random_case(&random);
        if (i % 3) {
            nmf_case_draw_constraints(&problem, &random);
        }
        if (i % 4 == 3) {
            draw_penalties(&problem, &random);
        }
        compare(&problem, names[i / 12 % n_sets], &worst);
        nmf_case_free(&problem);
    }
    print_message("cost %.1e, model %.1e, report %.1e\n", worst.cost, worst.model, worst.report);
    assert_true(worst.cost < 5e-4);
    assert_true(worst.model < 5e-5);
    assert_true(worst.report < 1e-4);
}

// A silent frame, a silent bin and single zeros.
static void silence_some(nmf_case *problem, ub_random *random)
{
    const size_t bin = ub_random_bits(random) % problem->n_bins;
    const size_t frame = ub_random_bits(random) % problem->n_frames;
    for (size_t i = 0; i < problem->n_channels * problem->n_frames * problem->n_bins; i++) {
        const size_t f = i % problem->n_bins, t = i / problem->n_bins % problem->n_frames;
        if (t == frame || f == bin || ub_random_bits(random) % 10 == 0) {
            ub_matrix *v = &problem->spectra[i / problem->n_bins / problem->n_frames];
            ub_matrix_column(v, t)[f] = 0.0f;
        }
    }
    // Something is left to explain.
    ub_matrix_column(&problem->spectra[0], (frame + 1) % problem->n_frames)[0] = 0.5f;
    nmf_case_reread(problem);
}

// 2e-7 is the rounding of a measured objective; nothing else may rise.
static void the_reported_cost_never_rises(void **state)
{
    (void)state;
    ub_random random = ub_random_new(32);
    double costs[MOST_UPDATES + 1];
    for (size_t i = 0; i < 60; i++) {
        nmf_case problem = random_case(&random);
        problem.settings.n_iterations = MOST_UPDATES;
        if (i % 2) {
            nmf_case_draw_constraints(&problem, &random);
        }
        if (i % 4 == 3) {
            draw_penalties(&problem, &random);
        }
        if (i % 3 == 1) {
            silence_some(&problem, &random);
        }
        const reference_nmf nmf = nmf_case_reference(&problem);
        ub_nmf_report report = {.costs = costs};
        ub_nmf_factors fitted = nmf_case_fit(&problem, NULL, &report);
        for (size_t n = 1; n <= report.n_iterations; n++) {
            assert_true(isfinite(costs[n]));
            assert_true(costs[n] <= costs[n - 1] + 2.1e-7 * fabs(costs[n - 1]));
        }
        // Whoever stops early says why.
        assert_true(report.n_iterations == MOST_UPDATES ||
                    (report.converged && report.n_rejected == 1));
        assert_true(report.cost == costs[report.n_iterations]);
        reference_point point = nmf_case_point(&problem, &fitted);
        assert_true(nmf_case_apart(&problem, report.cost, reference_objective(&nmf, &point)) <
                    1e-4);
        reference_point_free(&point);
        ub_nmf_factors_free(&fitted);
        nmf_case_free(&problem);
    }
}

// In double precision, where the bookkeeping of the library cannot hide anything. Rounding of the
// factors themselves moves a nearly perfect model by 1e-7 of the data, its square by 1e-14.
static void the_true_cost_falls_with_every_update(void **state)
{
    (void)state;
    ub_random random = ub_random_new(33);
    for (size_t i = 0; i < 20; i++) {
        nmf_case problem = random_case(&random);
        if (i % 2) {
            nmf_case_draw_constraints(&problem, &random);
        }
        const reference_nmf nmf = nmf_case_reference(&problem);
        double before = INFINITY, size = 0.0;
        for (size_t j = 0; j < problem.n_channels * problem.n_frames * problem.n_bins; j++) {
            size += problem.v[j] * problem.v[j];
        }
        for (size_t n = 0; n <= 10; n++) {
            problem.settings.n_iterations = n;
            ub_nmf_factors fitted = nmf_case_fit(&problem, NULL, NULL);
            reference_point point = nmf_case_point(&problem, &fitted);
            const double cost = reference_objective(&nmf, &point);
            assert_true(cost <= before * (1.0 + 1e-7) + 1e-13 * size);
            before = cost;
            reference_point_free(&point);
            ub_nmf_factors_free(&fitted);
        }
        nmf_case_free(&problem);
    }
}

// Activations alone are a convex problem: at its minimum the gradient is zero where an activation
// is not, and points inward where it is.
static void activations_reach_the_minimum(void **state)
{
    (void)state;
    ub_random random = ub_random_new(34);
    for (size_t i = 0; i < 12; i++) {
        nmf_case problem = nmf_case_new(1 + i % 2, 40, 20, 1 + i % 6, &random);
        problem.settings.beta = 2.0;
        problem.settings.n_iterations = 500;
        draw_penalties(&problem, &random);
        ub_nmf_factors fitted = nmf_case_fit(&problem, NULL, NULL);
        const reference_nmf nmf = nmf_case_reference(&problem);
        reference_point point = nmf_case_point(&problem, &fitted);
        double negative[6 * 20], positive[6 * 20];
        reference_gradient_h(&nmf, &point, negative, positive);
        size_t n_silent = 0;
        for (size_t j = 0; j < problem.n_components * problem.n_frames; j++) {
            const double slope = positive[j] - negative[j], scale = positive[j] + negative[j];
            const bool silent = point.h[j] < 1e-10;
            n_silent += silent;
            assert_true(slope >= -2e-6 * scale);
            assert_true(silent || slope <= 2e-6 * scale);
        }
        assert_true(i % 6 < 3 || (n_silent > 0 && n_silent < problem.n_components * 20));
        reference_point_free(&point);
        ub_nmf_factors_free(&fitted);
        nmf_case_free(&problem);
    }
}

static void assert_zeros_kept(const ub_matrix *before, const ub_matrix *after)
{
    for (size_t col = 0; col < before->n_cols; col++) {
        for (size_t row = 0; row < before->n_rows; row++) {
            const bool was_zero = ub_matrix_column(before, col)[row] == 0.0f;
            assert_true((ub_matrix_column(after, col)[row] == 0.0f) == was_zero);
        }
    }
}

// A third of the start is zero, and a whole template, row and frame. What was above zero stays
// above it, or it could not come back.
static void zeros_stay_and_nothing_else_becomes_zero(void **state)
{
    (void)state;
    ub_random random = ub_random_new(35);
    for (size_t i = 0; i < 40; i++) {
        nmf_case problem = random_case(&random);
        problem.settings.n_iterations = 30;
        silence_some(&problem, &random);
        for (size_t k = 0; k < problem.n_components; k++) {
            for (size_t f = 0; f < problem.n_bins; f++) {
                float *w = ub_matrix_column(&problem.start.templates, k) + f;
                *w = k == 1 || ub_random_bits(&random) % 3 == 0 ? 0.0f : *w;
            }
            for (size_t t = 0; t < problem.n_frames; t++) {
                float *h = ub_matrix_column(&problem.start.activations, t) + k;
                *h = k == 2 || t == 3 || ub_random_bits(&random) % 3 == 0 ? 0.0f : *h;
            }
        }
        for (size_t c = 0; c < problem.n_channels && i % 5 == 0; c++) {
            memset(problem.spectra[c].data, 0,
                   problem.spectra[c].stride * problem.n_frames * sizeof(float));
        }
        ub_nmf_report report = {0};
        ub_nmf_factors fitted = nmf_case_fit(&problem, NULL, &report);
        assert_true(isfinite(report.cost));
        assert_zeros_kept(&problem.start.templates, &fitted.templates);
        assert_zeros_kept(&problem.start.activations, &fitted.activations);
        ub_nmf_factors_free(&fitted);
        nmf_case_free(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_match_the_reference),
        cmocka_unit_test(the_reported_cost_never_rises),
        cmocka_unit_test(the_true_cost_falls_with_every_update),
        cmocka_unit_test(activations_reach_the_minimum),
        cmocka_unit_test(zeros_stay_and_nothing_else_becomes_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
