// SPDX-License-Identifier: GPL-3.0-or-later
// The factorisation against textbook loops in double precision, over seeded random shapes.
#include "nmf_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double BETAS[] = {-1.0, 0.0, 0.5, 1.0, 1.3, 1.5, 2.0, 3.0};
enum { N_BETAS = 8, N_SHAPES = 6, N_UPDATES = 50 };

static double relative(double a, double b)
{
    return a == b ? 0.0 : fabs(a - b) / fmax(fabs(b), 1e-300);
}

static nmf_case random_case(ub_random *random)
{
    const size_t n_bins = nmf_case_size(random, 150), n_frames = nmf_case_size(random, 200);
    const size_t n_components = nmf_case_size(random, 40), n_channels = nmf_case_size(random, 3);
    return nmf_case_new(n_channels, n_bins, n_frames, n_components, random);
}

static void compare(const nmf_case *problem, double *worst_cost, double *worst_model)
{
    const reference_nmf nmf = nmf_case_reference(problem);
    reference_point wanted = nmf_case_point(problem, &problem->start);
    double wanted_costs[N_UPDATES + 1], costs[N_UPDATES + 1];
    reference_fit(&nmf, &wanted, N_UPDATES, problem->settings.relaxation, wanted_costs);
    const char *names[4];
    const size_t n_sets = nmf_case_kernels(names);
    for (size_t set = 0; set < n_sets; set++) {
        ub_nmf_settings settings = problem->settings;
        settings.kernels = names[set];
        ub_nmf_factors fitted = nmf_case_copy(&problem->start);
        ub_nmf_report report = {.costs = costs};
        ub_message why = {""};
        const ub_status status = ub_nmf_fit(problem->spectra, problem->n_channels, &settings,
                                            &problem->constraints, NULL, &fitted, &report, &why);
        if (status) {
            fail_msg("%s", why.text);
        }
        double cost = 0.0;
        for (size_t i = 0; i <= report.n_iterations; i++) {
            cost = fmax(cost, relative(costs[i], wanted_costs[i]));
        }
        reference_point point = nmf_case_point(problem, &fitted);
        const double model = nmf_case_distance(problem, &point, &wanted);
        print_message("beta %4.1f C %zu F %3zu T %3zu K %2zu %-8s: n %zu rej %zu cost %.1e -> %.1e "
                      "(%.1e) model %.1e\n",
                      problem->settings.beta, problem->n_channels, problem->n_bins,
                      problem->n_frames, problem->n_components, names[set], report.n_iterations,
                      report.n_rejected, wanted_costs[0], wanted_costs[N_UPDATES], cost, model);
        *worst_cost = fmax(*worst_cost, cost);
        *worst_model = fmax(*worst_model, model);
        reference_point_free(&point);
        ub_nmf_factors_free(&fitted);
    }
    reference_point_free(&wanted);
}

static void fifty_updates_match_the_reference(void **state)
{
    (void)state;
    ub_random random = ub_random_new(1);
    for (size_t b = 0; b < N_BETAS; b++) {
        double worst_cost = 0.0, worst_model = 0.0;
        for (size_t shape = 0; shape < N_SHAPES; shape++) {
            nmf_case problem = random_case(&random);
            problem.settings.beta = BETAS[b];
            compare(&problem, &worst_cost, &worst_model);
            nmf_case_free(&problem);
        }
        print_message("beta %4.1f: worst cost %.1e, worst model %.1e\n", BETAS[b], worst_cost,
                      worst_model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fifty_updates_match_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
