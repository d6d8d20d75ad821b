// SPDX-License-Identifier: GPL-3.0-or-later
// How hits ring on after the last frame that a dictionary has of them.
#include "drum_case.h"
#include "guide/hit_templates.h"
#include "malloc_guard.h"
#include "unbraid/dictionary.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KICK, CLOSED, OPEN, N_KEYS, N_KNOWN = 10 };

static ub_hit_templates templates_of(const ub_dictionary *d)
{
    const size_t chosen[N_KEYS] = {KICK, CLOSED, OPEN};
    ub_hit_templates t;
    assert_int_equal(ub_hit_templates_new(d, chosen, N_KEYS, &t), UB_OK);
    return t;
}

static double level_of(const ub_hit_templates *t, size_t key, size_t lag)
{
    const float *w = ub_matrix_column(&t->columns, lag * N_KEYS + key);
    double sum = 0.0;
    for (size_t f = 0; f < t->columns.n_rows; f++) {
        sum += (double)w[f];
    }
    return sum;
}

static void templates_sum_to_one_over_the_frames_that_they_last(void **state)
{
    (void)state;
    ub_dictionary d = drum_case_dictionary();
    ub_hit_templates t = templates_of(&d);
    for (size_t key = 0; key < N_KEYS; key++) {
        double sum = 0.0;
        for (size_t lag = 0; lag < t.n_lags; lag++) {
            sum += (double)t.spans[lag] * level_of(&t, key, lag);
        }
        assert_true(fabs(sum - 1.0) < 1e-5); // single precision
    }
    ub_hit_templates_free(&t);
    ub_dictionary_free(&d);
}

static void known_frames_keep_their_proportions(void **state)
{
    (void)state;
    ub_dictionary d = drum_case_dictionary();
    ub_hit_templates t = templates_of(&d);
    const float *first = ub_matrix_column(&d.templates, CLOSED);
    const float *last = ub_matrix_column(&d.context, CLOSED) + (N_KNOWN - 2) * d.templates.n_rows;
    const double scale = (double)ub_matrix_column(&t.columns, CLOSED)[400] / (double)first[400];
    for (size_t f = 0; f < d.templates.n_rows; f++) {
        const double w = (double)ub_matrix_column(&t.columns, (N_KNOWN - 1) * N_KEYS + CLOSED)[f];
        assert_true(fabs(w - scale * (double)last[f]) <= 1e-5 * w);
    }
    ub_hit_templates_free(&t);
    ub_dictionary_free(&d);
}

// An open hat whose bins all have the same level, which goes by a factor from frame to frame.
static ub_dictionary dictionary_of_steady(double factor)
{
    ub_dictionary d = drum_case_dictionary();
    const size_t n_bins = d.templates.n_rows;
    for (size_t i = 0; i < N_KNOWN * n_bins; i++) {
        const size_t lag = i / n_bins, f = i % n_bins;
        float *w = lag ? &ub_matrix_column(&d.context, OPEN)[i - n_bins]
                       : &ub_matrix_column(&d.templates, OPEN)[f];
        *w = (float)pow(factor, (double)lag);
    }
    return d;
}

static void what_rings_goes_on_to_fall_as_it_did(void **state)
{
    (void)state;
    ub_dictionary d = dictionary_of_steady(0.95);
    ub_hit_templates t = templates_of(&d);
    double middle = 0.5;
    for (size_t lag = N_KNOWN; lag < t.n_lags; lag++) {
        const double span = (double)t.spans[lag];
        const double fell = level_of(&t, OPEN, lag) / level_of(&t, OPEN, N_KNOWN - 1);
        const double wanted = pow(0.95, middle + span / 2.0);
        assert_true(wanted < 1e-3 || fabs(fell / wanted - 1.0) < 1e-3);
        middle += span;
    }
    ub_hit_templates_free(&t);
    ub_dictionary_free(&d);
}

static void what_has_not_begun_to_fall_falls_in_the_end(void **state)
{
    (void)state;
    ub_dictionary d = dictionary_of_steady(1.1);
    ub_hit_templates t = templates_of(&d);
    double before = level_of(&t, OPEN, N_KNOWN - 1);
    for (size_t lag = N_KNOWN; lag < t.n_lags; lag++) {
        const double now = level_of(&t, OPEN, lag);
        assert_true(now > 0.0 && now < before);
        before = now;
    }
    assert_true(before < 0.3 * level_of(&t, OPEN, N_KNOWN - 1));
    ub_hit_templates_free(&t);
    ub_dictionary_free(&d);
}

static void what_is_too_faint_is_zero(void **state)
{
    (void)state;
    ub_dictionary d = drum_case_dictionary();
    ub_hit_templates t = templates_of(&d);
    assert_true(level_of(&t, CLOSED, N_KNOWN) > 0.0);
    assert_true(level_of(&t, CLOSED, t.n_lags - 1) == 0.0);
    ub_hit_templates_free(&t);
    ub_dictionary_free(&d);
}

static void failed_allocations_are_reported(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    ub_dictionary d = drum_case_dictionary();
    const size_t chosen[] = {OPEN};
    ub_status status = UB_NO_MEMORY;
    for (size_t n = 1; status; n++) {
        ub_hit_templates t = {0};
        size_t held;
        malloc_guard_start(n);
        status = ub_hit_templates_new(&d, chosen, 1, &t);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
        ub_hit_templates_free(&t);
        malloc_guard_stop(&held);
        assert_int_equal(held, 0);
    }
    ub_dictionary_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_sum_to_one_over_the_frames_that_they_last),
        cmocka_unit_test(known_frames_keep_their_proportions),
        cmocka_unit_test(what_rings_goes_on_to_fall_as_it_did),
        cmocka_unit_test(what_has_not_begun_to_fall_falls_in_the_end),
        cmocka_unit_test(what_is_too_faint_is_zero),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
