// SPDX-License-Identifier: GPL-3.0-or-later
// Activations of fixed templates, frame by frame.
#include "kernels/kernels.h"
#include "malloc_guard.h"
#include "nmf_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static ub_activator *new_activator(const nmf_case *problem)
{
    ub_activator *activator = NULL;
    assert_int_equal(ub_activator_new(&problem->start.templates, &problem->start.gains,
                                      &problem->settings, &activator, NULL),
                     UB_OK);
    return activator;
}

static float *new_work(const ub_activator *activator)
{
    const size_t n = (ub_activator_work_size(activator) + 15) / 16 * 16;
    float *work = aligned_alloc(64, n * sizeof *work);
    assert_non_null(work);
    memset(work, 0xff, n * sizeof *work); // NaN: nothing may be taken from it
    return work;
}

// Equal activations at the level of the frame, two plain updates, then relaxed ones.
static reference_point reference_run(const nmf_case *problem)
{
    reference_nmf nmf = nmf_case_reference(problem);
    nmf.floor = 1e-12;
    reference_point point = nmf_case_point(problem, &problem->start);
    double total = 0.0;
    for (size_t k = 0; k < nmf.n_components; k++) {
        for (size_t i = 0; i < nmf.n_bins * nmf.n_channels; i++) {
            total += point.w[k * nmf.n_bins + i % nmf.n_bins] *
                     point.q[k * nmf.n_channels + i / nmf.n_bins];
        }
    }
    for (size_t t = 0; t < nmf.n_frames; t++) {
        double level = 0.0;
        for (size_t i = 0; i < nmf.n_channels * nmf.n_bins; i++) {
            level += nmf.v[(i / nmf.n_bins * nmf.n_frames + t) * nmf.n_bins + i % nmf.n_bins];
        }
        for (size_t k = 0; k < nmf.n_components; k++) {
            point.h[t * nmf.n_components + k] = level / total;
        }
    }
    for (size_t i = 0; i < problem->settings.n_iterations; i++) {
        const double relaxation = i < 2 ? 1.0 : problem->settings.relaxation;
        reference_update_h(&nmf, &point, reference_gamma(nmf.beta) * relaxation);
    }
    return point;
}

// 1e-4 of the loudest activation: rounding, enlarged by over-relaxed updates.
static void activations_match_the_reference(void **state)
{
    (void)state;
    const double betas[] = {0.0, 0.5, 1.0, 1.3, 2.0, 3.0};
    ub_random random = ub_random_new(51);
    const char *names[4];
    const size_t n_sets = ub_nmf_kernels(names);
    double worst = 0.0;
    for (size_t i = 0; i < 18 * n_sets; i++) {
        nmf_case problem =
            nmf_case_new(1 + i % 3, nmf_case_size(&random, 150), nmf_case_size(&random, 120),
                         nmf_case_size(&random, 40), &random);
        problem.settings.kernels = names[i % n_sets];
        problem.settings.beta = betas[i / n_sets % 6];
        problem.settings.n_iterations = 15;
        problem.settings.relaxation = i % 2 ? 1.5 : 1.0;
        problem.settings.l1_activations = i % 4 ? 0.0 : 0.2;
        problem.settings.l2_activations = i % 5 ? 0.0 : 0.1;
        reference_point wanted = reference_run(&problem);
        ub_activator *activator = new_activator(&problem);
        float *work = new_work(activator);
        ub_activator_run(activator, problem.spectra, 0, problem.n_frames, work,
                         &problem.start.activations);
        double loudest = 1e-6; // a penalty may leave nothing
        for (size_t j = 0; j < problem.n_frames * problem.n_components; j++) {
            loudest = fmax(loudest, wanted.h[j]);
        }
        for (size_t j = 0; j < problem.n_frames * problem.n_components; j++) {
            const float *h = ub_matrix_column(&problem.start.activations, j / problem.n_components);
            worst = fmax(worst, fabs((double)h[j % problem.n_components] - wanted.h[j]) / loudest);
        }
        free(work);
        ub_activator_free(activator);
        reference_point_free(&wanted);
        nmf_case_free(&problem);
    }
    print_message("worst difference %.1e of the loudest\n", worst);
    assert_true(worst < 1e-4);
}

// One call, frame by frame, and in pieces of all sizes: the same bits.
static void any_cut_of_the_frames_gives_the_same_bits(void **state)
{
    (void)state;
    const double betas[] = {0.0, 0.5, 1.0, 1.3, 2.0};
    ub_random random = ub_random_new(52);
    const char *names[4];
    const size_t n_sets = ub_nmf_kernels(names);
    for (size_t i = 0; i < 5 * n_sets; i++) {
        nmf_case problem = nmf_case_new(2, 45, 210, 13, &random);
        problem.settings.kernels = names[i % n_sets];
        problem.settings.beta = betas[i / n_sets];
        problem.settings.n_iterations = 6;
        problem.settings.relaxation = 1.5;
        ub_activator *activator = new_activator(&problem);
        float *work = new_work(activator);
        ub_nmf_factors whole = nmf_case_copy(&problem.start);
        ub_activator_run(activator, problem.spectra, 0, 210, work, &whole.activations);
        for (size_t round = 0; round < 3; round++) {
            ub_nmf_factors cut = nmf_case_copy(&problem.start);
            for (size_t t = 0; t < 210;) {
                size_t n = round == 0 ? 1 : 1 + ub_random_bits(&random) % 100;
                n = n < 210 - t ? n : 210 - t;
                ub_activator_run(activator, problem.spectra, t, n, work, &cut.activations);
                t += n;
            }
            assert_true(nmf_case_same(&whole, &cut));
            ub_nmf_factors_free(&cut);
        }
        ub_nmf_factors_free(&whole);
        free(work);
        ub_activator_free(activator);
        nmf_case_free(&problem);
    }
}

static void silence_and_zero_templates_give_zeros(void **state)
{
    (void)state;
    ub_random random = ub_random_new(53);
    nmf_case problem = nmf_case_new(1, 20, 9, 4, &random);
    memset(ub_matrix_column(&problem.spectra[0], 5), 0, 20 * sizeof(float));
    memset(ub_matrix_column(&problem.start.templates, 2), 0, 20 * sizeof(float));
    for (size_t beta = 0; beta < 3; beta++) {
        problem.settings.beta = (double)beta;
        ub_activator *activator = new_activator(&problem);
        float *work = new_work(activator);
        ub_activator_run(activator, problem.spectra, 0, 9, work, &problem.start.activations);
        for (size_t t = 0; t < 9; t++) {
            for (size_t k = 0; k < 4; k++) {
                const float h = ub_matrix_column(&problem.start.activations, t)[k];
                assert_true(isfinite(h) && h >= 0.0f);
                assert_true((h == 0.0f) == (t == 5 || k == 2));
            }
        }
        free(work);
        ub_activator_free(activator);
    }
    nmf_case_free(&problem);
}

static void a_run_writes_only_its_frames_and_allocates_nothing(void **state)
{
    (void)state;
    ub_random random = ub_random_new(54);
    nmf_case problem = nmf_case_new(2, 33, 20, 5, &random);
    ub_nmf_factors before = nmf_case_copy(&problem.start);
    ub_activator *activator = new_activator(&problem);
    float *work = new_work(activator);
    malloc_guard_start(0);
    ub_activator_run(activator, problem.spectra, 7, 6, work, &problem.start.activations);
    assert_int_equal(malloc_guard_stop(NULL), 0);
    for (size_t t = 0; t < 20; t++) {
        const bool same =
            memcmp(ub_matrix_column(&before.activations, t),
                   ub_matrix_column(&problem.start.activations, t), 5 * sizeof(float)) == 0;
        assert_true(same == (t < 7 || t >= 13));
    }
    ub_nmf_factors_free(&before);
    free(work);
    ub_activator_free(activator);
    nmf_case_free(&problem);
}

static void assert_refused(const nmf_case *problem, ub_status status)
{
    ub_message why = {""};
    ub_activator *activator = NULL;
    assert_int_equal(ub_activator_new(&problem->start.templates, &problem->start.gains,
                                      &problem->settings, &activator, &why),
                     status);
    assert_null(activator);
    assert_true(strlen(why.text) > 10);
}

static void bad_templates_gains_and_settings_are_refused(void **state)
{
    (void)state;
    ub_random random = ub_random_new(55);
    nmf_case problem = nmf_case_new(2, 20, 3, 4, &random);
    size_t *sizes[] = {&problem.start.templates.n_cols, &problem.start.gains.n_cols};
    for (size_t i = 0; i < 2; i++) {
        const size_t good = (*sizes[i])--;
        assert_refused(&problem, UB_BAD_SHAPE);
        *sizes[i] = good;
    }
    size_t *empty[] = {&problem.start.templates.n_rows, &problem.start.gains.n_rows};
    for (size_t i = 0; i < 2; i++) {
        const size_t good = *empty[i];
        *empty[i] = 0;
        assert_refused(&problem, UB_BAD_SHAPE);
        *empty[i] = good;
    }
    const float bad[] = {NAN, INFINITY, -1.0f};
    for (size_t i = 0; i < 3; i++) {
        float *places[] = {ub_matrix_column(&problem.start.templates, 3) + 19,
                           ub_matrix_column(&problem.start.gains, 3) + 1};
        for (size_t j = 0; j < 2; j++) {
            const float good = *places[j];
            *places[j] = bad[i];
            assert_refused(&problem, UB_BAD_VALUE);
            *places[j] = good;
        }
    }
    problem.settings.beta = 5.0;
    assert_refused(&problem, UB_BAD_SETTING);
    nmf_case_free(&problem);
    ub_activator_free(NULL);
}

static void failed_allocations_are_reported(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_random random = ub_random_new(56);
    nmf_case problem = nmf_case_new(2, 20, 3, 4, &random);
    for (size_t n = 1; n < 4; n++) {
        size_t held;
        ub_activator *activator = NULL;
        malloc_guard_start(n);
        const ub_status status = ub_activator_new(&problem.start.templates, &problem.start.gains,
                                                  NULL, &activator, NULL);
        malloc_guard_stop(&held);
        assert_int_equal(status, n < 3 ? UB_NO_MEMORY : UB_OK);
        assert_int_equal(held, n < 3 ? 0 : 2);
        ub_activator_free(activator);
    }
    nmf_case_free(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_match_the_reference),
        cmocka_unit_test(any_cut_of_the_frames_gives_the_same_bits),
        cmocka_unit_test(silence_and_zero_templates_give_zeros),
        cmocka_unit_test(a_run_writes_only_its_frames_and_allocates_nothing),
        cmocka_unit_test(bad_templates_gains_and_settings_are_refused),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
