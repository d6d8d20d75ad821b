// SPDX-License-Identifier: GPL-3.0-or-later
// Half precision against the definition of binary16, in double precision.
#include "dictionary/half.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N_HALVES = 65536, SIGN = 0x8000, LARGEST = 0x7bff };

// (-1)^s 2^(e - 15) (1 + f / 1024), and (-1)^s 2^-14 f / 1024 where e is 0; NAN and INFINITY at 31.
static double reference_value(unsigned half)
{
    const double sign = half / 32768 ? -1.0 : 1.0, fraction = (double)(half % 1024) / 1024.0;
    const int exponent = (int)(half / 1024 % 32);
    if (exponent == 31) {
        return fraction > 0.0 ? (double)NAN : sign * (double)INFINITY;
    }
    return sign *
           (exponent ? pow(2.0, exponent - 15) * (1.0 + fraction) : pow(2.0, -14) * fraction);
}

static void every_half_has_the_value_of_its_definition(void **state)
{
    (void)state;
    for (unsigned half = 0; half < N_HALVES; half++) {
        const double value = (double)ub_half_to_float((uint16_t)half);
        const double wanted = reference_value(half);
        if (isnan(wanted) ? !isnan(value)
                          : value != wanted || !signbit(value) != !signbit(wanted)) {
            fail_msg("half %04x is %g, not %g", half, value, wanted);
        }
    }
}

static void every_finite_half_comes_back_from_its_value(void **state)
{
    (void)state;
    for (unsigned half = 0; half < N_HALVES; half++) {
        if (half % SIGN <= LARGEST) {
            assert_int_equal(ub_half_from_float(reference_value(half)), half);
        }
    }
}

// Neighbours are apart by an even step, so that the middle of two is a double.
static void values_between_two_halves_go_to_the_nearest_and_ties_to_the_even(void **state)
{
    (void)state;
    for (unsigned half = 0; half < LARGEST; half++) {
        const double low = reference_value(half), high = reference_value(half + 1);
        const double middle = (low + high) / 2.0;
        const unsigned even = half % 2 ? half + 1 : half;
        assert_int_equal(ub_half_from_float(nextafter(middle, 0.0)), half);
        assert_int_equal(ub_half_from_float(middle), even);
        assert_int_equal(ub_half_from_float(nextafter(middle, 1e9)), half + 1);
        assert_int_equal(ub_half_from_float(-middle), even | SIGN);
    }
}

static void what_is_finite_stays_finite(void **state)
{
    (void)state;
    const double large[] = {65504.0, 65519.0, 65520.0, 65536.0, 1e9, (double)FLT_MAX, DBL_MAX};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        assert_int_equal(ub_half_from_float(large[i]), LARGEST);
        assert_int_equal(ub_half_from_float(-large[i]), LARGEST | SIGN);
    }
    assert_int_equal(ub_half_from_float(pow(2.0, -25)), 0);
    assert_int_equal(ub_half_from_float(DBL_TRUE_MIN), 0);
    assert_int_equal(ub_half_from_float(-0.0), SIGN);
}

static void the_exponent_brings_the_largest_value_to_the_top(void **state)
{
    (void)state;
    assert_int_equal(ub_half_exponent(0.0f), 0);
    assert_int_equal(ub_half_exponent(1.0f), 15);
    assert_int_equal(ub_half_exponent(65504.0f), 0);
    assert_int_equal(ub_half_exponent(65519.0f), 0);
    assert_int_equal(ub_half_exponent(65520.0f), -1); // would be 65536
    assert_int_equal(ub_half_exponent(FLT_TRUE_MIN), UB_HALF_MAX_EXPONENT);
    assert_int_equal(ub_half_exponent(FLT_MAX), UB_HALF_MIN_EXPONENT);
    for (float value = FLT_TRUE_MIN; value < FLT_MAX / 4.0f; value *= 1.375f) {
        const int exponent = ub_half_exponent(value);
        const double top = ldexp((double)value, exponent);
        assert_true(top >= 32768.0 - 8.0 && top < 65520.0);
        // What was rounded is at home at the same scale.
        const float back =
            (float)ldexp((double)ub_half_to_float(ub_half_from_float(top)), -exponent);
        assert_int_equal(ub_half_exponent(back), exponent);
        value = fmaxf(value, 4.0f * FLT_TRUE_MIN); // a step up, however small
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_has_the_value_of_its_definition),
        cmocka_unit_test(every_finite_half_comes_back_from_its_value),
        cmocka_unit_test(values_between_two_halves_go_to_the_nearest_and_ties_to_the_even),
        cmocka_unit_test(what_is_finite_stays_finite),
        cmocka_unit_test(the_exponent_brings_the_largest_value_to_the_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
