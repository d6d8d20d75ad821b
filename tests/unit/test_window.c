// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/window.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_SIZE = 4096 };

static float analysis[MOST_SIZE], synthesis[MOST_SIZE];

static void names_go_both_ways(void **state)
{
    (void)state;
    ub_message why = {""};
    for (int i = UB_WINDOW_HANN; i <= UB_WINDOW_ASYMMETRIC; i++) {
        ub_window window = UB_WINDOW_HANN;
        assert_int_equal(ub_window_from_name(ub_window_name((ub_window)i), &window, &why), UB_OK);
        assert_int_equal(window, i);
    }
    ub_window window = UB_WINDOW_HANN;
    assert_null(ub_window_name((ub_window)3));
    assert_int_equal(ub_window_from_name("kaiser", &window, &why), UB_BAD_SETTING);
    assert_non_null(strstr(why.text, "kaiser"));
}

// Any hop up to half the window, whether it divides the window or not.
static void every_pair_adds_up_to_one(void **state)
{
    (void)state;
    const size_t sizes[] = {4, 10, 48, 630, 1024, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = sizes[i],
                     hops[] = {1, 2, size / 7 + 1, size / 4 + 1, size / 3, size / 2};
        for (size_t h = 0; h < 6; h++) {
            const size_t hop = hops[h] <= size / 2 ? hops[h] : size / 2;
            for (int w = UB_WINDOW_HANN; w <= UB_WINDOW_ASYMMETRIC; w++) {
                assert_int_equal(ub_window_fill((ub_window)w, size, hop, analysis, synthesis, NULL),
                                 UB_OK);
                for (size_t phase = 0; phase < hop; phase++) {
                    double sum = 0.0;
                    for (size_t n = phase; n < size; n += hop) {
                        sum += (double)analysis[n] * (double)synthesis[n];
                    }
                    // Each product is rounded three times to 24 bits.
                    assert_true(fabs(sum - 1.0) < 1e-6);
                }
            }
        }
    }
}

static void the_asymmetric_pair_is_that_of_mauler_and_martin(void **state)
{
    (void)state;
    const size_t size = 2048, hop = 256;
    assert_int_equal(ub_window_fill(UB_WINDOW_ASYMMETRIC, size, hop, analysis, synthesis, NULL),
                     UB_OK);
    for (size_t n = 0; n < size; n++) {
        const double product = (double)analysis[n] * (double)synthesis[n];
        const double at = (double)n - (double)(size - 2 * hop);
        const double hann = at < 0.0 ? 0.0 : 0.5 - 0.5 * cos(M_PI * at / (double)hop);
        assert_true(fabs(product - hann) < 1e-6);
        if (n < size - 2 * hop) {
            assert_true(synthesis[n] == 0.0f);
        }
        const double rise = sin(M_PI * (double)n / (2.0 * (double)(size - hop)));
        assert_true(n >= size - hop || fabs((double)analysis[n] - rise) < 1e-6);
    }
}

static void the_symmetric_windows_are_periodic(void **state)
{
    (void)state;
    assert_int_equal(ub_window_fill(UB_WINDOW_HANN, 64, 16, analysis, synthesis, NULL), UB_OK);
    for (size_t n = 1; n < 64; n++) {
        assert_true(fabs((double)analysis[n] - (0.5 - 0.5 * cos(2.0 * M_PI * (double)n / 64.0))) <
                    1e-6);
        assert_true(fabsf(analysis[n] - analysis[64 - n]) < 1e-6f);
    }
    assert_int_equal(ub_window_fill(UB_WINDOW_SQRT_HANN, 64, 16, analysis, synthesis, NULL), UB_OK);
    for (size_t n = 0; n < 64; n++) {
        assert_true(fabs((double)analysis[n] - sin(M_PI * (double)n / 64.0)) < 1e-6);
        // With a hop that divides half the window the dual is the window itself, scaled.
        assert_true(fabsf(synthesis[n] - 0.5f * analysis[n]) < 1e-6f);
    }
}

static void what_cannot_reconstruct_is_refused(void **state)
{
    (void)state;
    const size_t bad[][2] = {{1, 1}, {0, 0}, {16, 0}, {16, 9}, {15, 8}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ub_message why = {""};
        assert_int_equal(
            ub_window_fill(UB_WINDOW_HANN, bad[i][0], bad[i][1], analysis, synthesis, &why),
            UB_BAD_SETTING);
        assert_true(strlen(why.text) > 10);
    }
    assert_int_equal(ub_window_fill((ub_window)7, 16, 4, analysis, synthesis, NULL),
                     UB_BAD_SETTING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(every_pair_adds_up_to_one),
        cmocka_unit_test(the_asymmetric_pair_is_that_of_mauler_and_martin),
        cmocka_unit_test(the_symmetric_windows_are_periodic),
        cmocka_unit_test(what_cannot_reconstruct_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
