// SPDX-License-Identifier: GPL-3.0-or-later
// By arithmetic rather than by bits, so that nothing is assumed of the machine's floats.
#include "half.h"

#include <math.h>

enum {
    SIGN = 0x8000,
    LARGEST = 0x7bff,
    FRACTION_BITS = 10,
    BIAS = 15,
    INFINITE = 31 // of the exponents, that of infinity and of what is no number
};

float ub_half_to_float(uint16_t half)
{
    const int exponent = half >> FRACTION_BITS & INFINITE;
    const int fraction = half & ((1 << FRACTION_BITS) - 1), one = 1 << FRACTION_BITS;
    const int unit = (exponent ? exponent : 1) - BIAS - FRACTION_BITS;
    float value = exponent ? (float)(one + fraction) : (float)fraction; // or subnormal
    value = exponent < INFINITE ? ldexpf(value, unit) : fraction ? NAN : INFINITY;
    return half & SIGN ? -value : value;
}

uint16_t ub_half_from_float(double value)
{
    const unsigned sign = signbit(value) ? SIGN : 0;
    int exponent;
    frexp(value, &exponent); // the value is at least 2^(exponent - 1)
    const int least = 2 - BIAS; // of those that are not subnormal
    exponent = value != 0.0 && exponent > least ? exponent : least;
    // In units of its last bit. The leading one, if there is one, adds 1 to the exponent; so does
    // what is rounded up to the next power of two.
    const double units = rint(ldexp(fabs(value), FRACTION_BITS + 1 - exponent));
    const double bits = (double)((exponent - least) << FRACTION_BITS) + units;
    return (uint16_t)(sign | (bits < LARGEST ? (unsigned)bits : LARGEST));
}

int ub_half_exponent(float largest)
{
    int exponent;
    if (!(largest > 0.0f)) {
        return 0;
    }
    // Rounded to 11 bits first: that may bring it to the next power of two.
    const double fraction = frexp((double)largest, &exponent);
    exponent += rint(ldexp(fraction, FRACTION_BITS + 1)) == ldexp(1.0, FRACTION_BITS + 1);
    const int wanted = BIAS + 1 - exponent;
    return wanted < UB_HALF_MIN_EXPONENT ? UB_HALF_MIN_EXPONENT : wanted;
}
