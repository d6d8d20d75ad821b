// SPDX-License-Identifier: GPL-3.0-or-later
// The factorisation against textbook loops in double precision, over seeded random shapes.
#include "nmf_case.h"
#include "sanitized.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double BETAS[] = {-1.0, 0.0, 0.5, 1.0, 1.3, 1.5, 2.0, 3.0};
enum { N_BETAS = sizeof BETAS / sizeof *BETAS };
// Every update goes over the same memory: a sanitizer learns nothing more from the later ones.
#ifdef SANITIZED
enum { N_UPDATES = 10, MOST_UPDATES = 20, N_PLAIN = 10 };
#else
enum { N_UPDATES = 50, MOST_UPDATES = 200, N_PLAIN = 30 };
#endif

static nmf_case random_case(ub_random *random, double beta)
{
    nmf_case problem = nmf_case_random(random);
    problem.settings.beta = beta;
    problem.settings.n_iterations = N_UPDATES;
    problem.settings.multiplicative = true; // the other way is in property_euclid.c
    return problem;
}

static double draw(ub_random *random, double most)
{
    return ub_random_bits(random) % 2 ? most * (double)ub_random_uniform(random) : 0.0;
}

static void draw_penalties(nmf_case *problem, ub_random *random)
{
    ub_nmf_settings *s = &problem->settings;
    s->l1_activations = draw(random, 0.3);
    s->l2_activations = draw(random, 0.1);
    s->l1_templates = draw(random, 0.3);
    s->l2_templates = draw(random, 0.3);
    s->continuity = draw(random, 0.05);
    s->norm = ub_random_bits(random) % 2 ? UB_NORM_L2 : UB_NORM_L1;
}

// Single zeros, a silent frame and a silent bin.
static void silence_some(nmf_case *problem, ub_random *random)
{
    const size_t bin = ub_random_bits(random) % problem->n_bins;
    const size_t frame = ub_random_bits(random) % problem->n_frames;
    for (size_t c = 0; c < problem->n_channels; c++) {
        for (size_t t = 0; t < problem->n_frames; t++) {
            for (size_t f = 0; f < problem->n_bins; f++) {
                if (t == frame || f == bin || ub_random_bits(random) % 10 == 0) {
                    ub_matrix_column(&problem->spectra[c], t)[f] = 0.0f;
                }
            }
        }
    }
    // Something is left to explain.
    ub_matrix_column(&problem->spectra[0], (frame + 1) % problem->n_frames)[0] = 0.5f;
    nmf_case_reread(problem);
}

typedef struct tally {
    double cost, model; // worst relative differences
    size_t n, n_rejected; // fits compared, and those in which the safeguard stepped in
} tally;

static void compare(const nmf_case *problem, bool plain, tally *worst)
{
    const reference_nmf nmf = nmf_case_reference(problem);
    reference_point wanted = nmf_case_point(problem, &problem->start);
    double wanted_costs[N_UPDATES + 1], costs[N_UPDATES + 1];
    reference_fit(&nmf, &wanted, problem->settings.n_iterations, problem->settings.relaxation,
                  wanted_costs);
    const char *names[4];
    const size_t n_sets = ub_nmf_kernels(names);
    for (size_t set = 0; set < n_sets; set++) {
        ub_nmf_report report = {.costs = costs};
        ub_nmf_factors fitted = nmf_case_fit(problem, names[set], &report);
        reference_point point = nmf_case_point(problem, &fitted);
        // The reference takes no step back. Plain updates do only at rest, where it does not
        // matter.
        const bool same_path = plain || report.n_rejected == 0;
        worst->n++;
        worst->n_rejected += report.n_rejected > 0;
        for (size_t i = 0; i <= report.n_iterations && same_path; i++) {
            worst->cost = fmax(worst->cost, nmf_case_apart(problem, costs[i], wanted_costs[i]));
        }
        if (same_path) {
            worst->model = fmax(worst->model, nmf_case_distance(problem, &point, &wanted));
        }
        assert_true(report.cost <= costs[0]);
        // What is reported is the objective of what is returned.
        worst->cost = fmax(worst->cost,
                           nmf_case_apart(problem, report.cost, reference_objective(&nmf, &point)));
        reference_point_free(&point);
        ub_nmf_factors_free(&fitted);
    }
    reference_point_free(&wanted);
}

static void updates_match_the_reference(void **state)
{
    (void)state;
    ub_random random = ub_random_new(1);
    for (size_t b = 0; b < N_BETAS; b++) {
        tally worst = {0};
        for (size_t shape = 0; shape < 7; shape++) {
            nmf_case problem = random_case(&random, BETAS[b]);
            compare(&problem, true, &worst);
            nmf_case_free(&problem);
        }
        print_message("beta %4.1f: cost %.1e, model %.1e, %zu of %zu stepped back\n", BETAS[b],
                      worst.cost, worst.model, worst.n_rejected, worst.n);
        assert_true(worst.cost < 1e-4);
        assert_true(worst.model < 1e-4);
    }
}

static void options_match_the_reference(void **state)
{
    (void)state;
    ub_random random = ub_random_new(2);
    for (size_t b = 0; b < N_BETAS; b++) {
        tally worst = {0};
        for (size_t shape = 0; shape < 12; shape++) {
            nmf_case problem = random_case(&random, BETAS[b]);
            nmf_case_draw_constraints(&problem, &random);
            if (shape % 2) {
                draw_penalties(&problem, &random);
            }
            if (shape % 3 == 0) {
                silence_some(&problem, &random);
            }
            if (shape % 4 == 0) {
                // Over-relaxed updates enlarge rounding errors before they settle.
                problem.settings.relaxation = 1.5;
                problem.settings.n_iterations = N_UPDATES * 2 / 5;
            }
            compare(&problem, false, &worst);
            nmf_case_free(&problem);
        }
        print_message("beta %4.1f: cost %.1e, model %.1e, %zu of %zu stepped back\n", BETAS[b],
                      worst.cost, worst.model, worst.n_rejected, worst.n);
        assert_true(worst.cost < 1e-4);
        assert_true(worst.model < 1e-4);
        assert_true(worst.n_rejected * 2 <= worst.n);
    }
}

// 2e-7 is what single precision leaves of an objective. The rises are judged in double precision
// at the end as well, where no step back could hide them.
static void cost_never_rises(void **state)
{
    (void)state;
    const double relaxations[] = {1.0, 1.5, 1.9};
    ub_random random = ub_random_new(3);
    double costs[MOST_UPDATES + 1];
    size_t n_updates = 0, n_rejected = 0;
    for (size_t i = 0; i < 9 * N_BETAS; i++) {
        nmf_case problem = random_case(&random, BETAS[i % N_BETAS]);
        problem.settings.n_iterations = MOST_UPDATES;
        problem.settings.relaxation = relaxations[i / N_BETAS % 3];
        problem.settings.cost_interval = i % 2 ? 1 : 1 + ub_random_bits(&random) % 7;
        if (i / N_BETAS % 2) {
            draw_penalties(&problem, &random);
            silence_some(&problem, &random);
        }
        ub_nmf_report report = {.costs = costs};
        ub_nmf_factors fitted = nmf_case_fit(&problem, NULL, &report);
        double before = costs[0];
        for (size_t n = 1; n <= report.n_iterations; n++) {
            const bool due = n % problem.settings.cost_interval == 0 || n == report.n_iterations;
            assert_true(isfinite(costs[n]) || !due);
            assert_true(isnan(costs[n]) || costs[n] <= before + 2.1e-7 * fabs(before));
            before = isnan(costs[n]) ? before : costs[n];
        }
        assert_true(report.cost == costs[report.n_iterations]);
        n_updates += report.n_iterations;
        n_rejected += report.n_rejected;
        ub_nmf_factors_free(&fitted);
        nmf_case_free(&problem);
    }
    print_message("%zu updates, %zu taken back\n", n_updates, n_rejected);
}

// Plain updates without penalties are proved not to raise the cost, gains of components and of
// groups included: the safeguard has nothing to do, and the double-precision cost falls strictly.
static void plain_updates_need_no_safeguard(void **state)
{
    (void)state;
    ub_random random = ub_random_new(4);
    for (size_t i = 0; i < 6 * N_BETAS; i++) {
        nmf_case problem = random_case(&random, BETAS[i % N_BETAS]);
        nmf_case_draw_constraints(&problem, &random);
        problem.settings.n_iterations = 8;
        const reference_nmf nmf = nmf_case_reference(&problem);
        reference_point point = nmf_case_point(&problem, &problem.start);
        double costs[N_PLAIN + 1];
        reference_fit(&nmf, &point, N_PLAIN, 1.0, costs);
        for (size_t n = 1; n <= N_PLAIN; n++) {
            assert_true(costs[n] <= costs[n - 1] * (1.0 + 1e-12) + 1e-12);
        }
        // Only while a step is large against rounding.
        if (costs[7] - costs[8] > 1e-5 * costs[7] &&
            nmf_case_apart(&problem, costs[8], 0.0) > 1e-2) {
            ub_nmf_report report = {0};
            ub_nmf_factors fitted = nmf_case_fit(&problem, NULL, &report);
            assert_int_equal(report.n_rejected, 0);
            assert_int_equal(report.n_iterations, 8);
            ub_nmf_factors_free(&fitted);
        }
        reference_point_free(&point);
        nmf_case_free(&problem);
    }
}

// Objective after the normalisation that penalties bring: what the gradients differentiate.
static double objective_at(const reference_nmf *nmf, const reference_point *point)
{
    reference_point copy = reference_point_copy(nmf, point);
    const bool penalised = nmf->l1_h > 0.0 || nmf->l2_h > 0.0 || nmf->l1_w > 0.0 ||
                           nmf->l2_w > 0.0 || nmf->continuity > 0.0;
    if (penalised) {
        reference_normalise(nmf, &copy, false);
    }
    const double objective = reference_objective(nmf, &copy);
    reference_point_free(&copy);
    return objective;
}

// Central differences in one entry; their error is some 1e-6 of the terms that cancel.
static void check_slope(const reference_nmf *nmf, const reference_point *point, double *entry,
                        double negative, double positive)
{
    const double x = *entry, step = 1e-5 * x;
    *entry = x + step;
    const double above = objective_at(nmf, point);
    *entry = x - step;
    const double below = objective_at(nmf, point);
    *entry = x;
    const double slope = (above - below) / (2.0 * step);
    const double rounding = 1e-15 * (fabs(above) + fabs(below)) / step;
    assert_true(fabs(slope - (positive - negative)) <= 1e-5 * (positive + negative) + rounding);
}

static void check_gradients(const reference_nmf *nmf, reference_point *point, ub_random *random)
{
    const size_t n_k = nmf->n_components;
    const size_t n_w = nmf->n_bins * n_k, n_h = nmf->n_frames * n_k, n_q = nmf->n_channels * n_k;
    double *negative = calloc(n_w + n_h + n_q, sizeof(double));
    double *positive = calloc(n_w + n_h + n_q, sizeof(double));
    assert_true(negative && positive);
    reference_gradient_w(nmf, point, negative, positive);
    reference_gradient_h(nmf, point, negative + n_w, positive + n_w);
    reference_gradient_q(nmf, point, negative + n_w + n_h, positive + n_w + n_h);
    for (size_t i = 0; i < 10; i++) {
        const size_t w = ub_random_bits(random) % n_w, h = ub_random_bits(random) % n_h;
        check_slope(nmf, point, point->w + w, negative[w], positive[w]);
        check_slope(nmf, point, point->h + h, negative[n_w + h], positive[n_w + h]);
        const size_t q = ub_random_bits(random) % n_q;
        if (nmf->n_channels > 1) {
            check_slope(nmf, point, point->q + q, negative[n_w + n_h + q], positive[n_w + n_h + q]);
        }
    }
    free(negative);
    free(positive);
}

static void reference_gradients_match_finite_differences(void **state)
{
    (void)state;
    ub_random random = ub_random_new(5);
    for (size_t i = 0; i < 6 * N_BETAS; i++) {
        const size_t n_bins = 2 + ub_random_bits(&random) % 8;
        const size_t n_frames = 1 + ub_random_bits(&random) % 8;
        nmf_case problem = nmf_case_new(1 + i % 3, n_bins, n_frames, 1 + i % 4, &random);
        problem.settings.beta = BETAS[i % N_BETAS];
        if (i % 4) {
            draw_penalties(&problem, &random);
        }
        const reference_nmf nmf = nmf_case_reference(&problem);
        reference_point point = nmf_case_point(&problem, &problem.start);
        reference_normalise(&nmf, &point, true);
        check_gradients(&nmf, &point, &random);
        reference_point_free(&point);
        nmf_case_free(&problem);
    }
}

// The start with its components in another order: component k goes to `order[k]`.
static ub_nmf_factors permuted(const nmf_case *problem, const ub_nmf_factors *from,
                               const size_t *order)
{
    ub_nmf_factors to = nmf_case_copy(from);
    for (size_t k = 0; k < problem->n_components; k++) {
        memcpy(ub_matrix_column(&to.templates, order[k]), ub_matrix_column(&from->templates, k),
               problem->n_bins * sizeof(float));
        memcpy(ub_matrix_column(&to.gains, order[k]), ub_matrix_column(&from->gains, k),
               problem->n_channels * sizeof(float));
        for (size_t t = 0; t < problem->n_frames; t++) {
            ub_matrix_column(&to.activations, t)[order[k]] =
                ub_matrix_column(&from->activations, t)[k];
        }
    }
    return to;
}

static double distance(const ub_matrix *a, const ub_matrix *b)
{
    double difference = 0.0, size = 0.0;
    for (size_t col = 0; col < a->n_cols; col++) {
        for (size_t row = 0; row < a->n_rows; row++) {
            const double x = (double)ub_matrix_column(a, col)[row];
            const double y = (double)ub_matrix_column(b, col)[row];
            difference += (x - y) * (x - y);
            size += y * y;
        }
    }
    return sqrt(difference / fmax(size, 1e-300));
}

// The sums over components run in another order: equal to rounding, which updates enlarge.
static void permuting_components_permutes_results(void **state)
{
    (void)state;
    ub_random random = ub_random_new(6);
    for (size_t i = 0; i < 3 * N_BETAS; i++) {
        nmf_case problem = random_case(&random, BETAS[i % N_BETAS]);
        problem.settings.n_iterations = N_UPDATES * 2 / 5;
        size_t order[64];
        for (size_t k = 0; k < problem.n_components; k++) {
            order[k] = (k + i + 1) % problem.n_components;
        }
        ub_nmf_report report = {0}, other_report = {0};
        ub_nmf_factors straight = nmf_case_fit(&problem, NULL, &report);
        ub_nmf_factors wanted = permuted(&problem, &straight, order);
        ub_nmf_factors start = permuted(&problem, &problem.start, order);
        ub_nmf_factors_free(&problem.start);
        problem.start = start;
        ub_nmf_factors turned = nmf_case_fit(&problem, NULL, &other_report);
        if (report.n_rejected == 0 && other_report.n_rejected == 0) {
            assert_true(distance(&turned.templates, &wanted.templates) < 1e-4);
            assert_true(distance(&turned.activations, &wanted.activations) < 1e-4);
            assert_true(distance(&turned.gains, &wanted.gains) < 1e-4);
        }
        ub_nmf_factors_free(&straight);
        ub_nmf_factors_free(&wanted);
        ub_nmf_factors_free(&turned);
        nmf_case_free(&problem);
    }
}

// A third of all entries of the start is zero, and one template, one row and one frame.
static void lock_some(nmf_case *problem, ub_random *random)
{
    ub_nmf_factors *start = &problem->start;
    for (size_t k = 0; k < problem->n_components; k++) {
        for (size_t f = 0; f < problem->n_bins; f++) {
            if (k == 1 || ub_random_bits(random) % 3 == 0) {
                ub_matrix_column(&start->templates, k)[f] = 0.0f;
            }
        }
        for (size_t t = 0; t < problem->n_frames; t++) {
            if (k == 2 || t == 3 || ub_random_bits(random) % 3 == 0) {
                ub_matrix_column(&start->activations, t)[k] = 0.0f;
            }
        }
    }
}

static void assert_zeros_kept(const ub_matrix *before, const ub_matrix *after)
{
    for (size_t col = 0; col < before->n_cols; col++) {
        for (size_t row = 0; row < before->n_rows; row++) {
            if (ub_matrix_column(before, col)[row] == 0.0f) {
                assert_true(ub_matrix_column(after, col)[row] == 0.0f);
            }
        }
    }
}

static void zeros_stay_zero_and_everything_finite(void **state)
{
    (void)state;
    ub_random random = ub_random_new(7);
    const char *names[4];
    const size_t n_sets = ub_nmf_kernels(names);
    for (size_t i = 0; i < 8 * N_BETAS; i++) {
        nmf_case problem = random_case(&random, BETAS[i % N_BETAS]);
        lock_some(&problem, &random);
        silence_some(&problem, &random);
        if (i % 2) {
            draw_penalties(&problem, &random);
        }
        for (size_t c = 0; c < problem.n_channels && i % 5 == 0; c++) {
            memset(problem.spectra[c].data, 0,
                   problem.spectra[c].stride * problem.n_frames * sizeof(float));
        }
        for (size_t set = 0; set < n_sets; set++) {
            ub_nmf_report report = {0};
            ub_nmf_factors fitted =
                nmf_case_fit(&problem, names[set], &report); // asserts finite, >= 0
            assert_true(isfinite(report.cost));
            assert_zeros_kept(&problem.start.templates, &fitted.templates);
            assert_zeros_kept(&problem.start.activations, &fitted.activations);
            ub_nmf_factors_free(&fitted);
        }
        nmf_case_free(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_match_the_reference),
        cmocka_unit_test(options_match_the_reference),
        cmocka_unit_test(cost_never_rises),
        cmocka_unit_test(plain_updates_need_no_safeguard),
        cmocka_unit_test(reference_gradients_match_finite_differences),
        cmocka_unit_test(permuting_components_permutes_results),
        cmocka_unit_test(zeros_stay_zero_and_everything_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
