// SPDX-License-Identifier: GPL-3.0-or-later
#include <unbraid/stream.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_strip_has_the_gain_of_its_fader(void **state)
{
    (void)state;
    const ub_strip strips[] = {{.gain_db = 0.0f},
                               {.gain_db = -20.0f},
                               {.gain_db = -INFINITY},
                               {.gain_db = NAN},
                               {.gain_db = 1000.0f}};
    float gains[5];
    assert_true(ub_strip_gains(strips, 5, gains) == 1.0f);
    assert_true(gains[0] == 1.0f);
    assert_true(fabsf(gains[1] - 0.1f) < 1e-7f);
    assert_true(gains[2] == 0.0f);
    assert_true(gains[3] == 1.0f);
    assert_true(fabsf(gains[4] - 1000.0f) < 1e-3f);
}

static void solo_silences_all_that_are_not_and_mute_wins(void **state)
{
    (void)state;
    const ub_strip strips[] = {
        {.is_solo = true}, {.gain_db = 6.0f}, {.is_solo = true, .is_mute = true}};
    float gains[3];
    assert_true(ub_strip_gains(strips, 3, gains) == 0.0f);
    assert_true(gains[0] == 1.0f && gains[1] == 0.0f && gains[2] == 0.0f);
    assert_true(ub_strip_gains(strips + 1, 1, gains) == 1.0f);
    assert_true(gains[0] > 1.99f);
    assert_true(ub_strip_gains(NULL, 0, NULL) == 1.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_strip_has_the_gain_of_its_fader),
        cmocka_unit_test(solo_silences_all_that_are_not_and_mute_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
