// SPDX-License-Identifier: GPL-3.0-or-later
/** Half precision, IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. Private header.
 */
#ifndef UNBRAID_DICTIONARY_HALF_H
#define UNBRAID_DICTIONARY_HALF_H

#include <stdint.h>

enum {
    /// Of ub_half_exponent(), the smallest and the largest that a float can need.
    UB_HALF_MIN_EXPONENT = -112,
    UB_HALF_MAX_EXPONENT = 164
};

/** The value, exactly. */
float ub_half_to_float(uint16_t half);

/** The nearest half, of two the even one. What is finite stays so: beyond 65504 it is that. */
uint16_t ub_half_from_float(double value);

/**
   The power of two that brings a largest value to 2^15 or more and, after rounding, below 2^16:
   times 2^exponent, all that is up to 174 dB below it keeps 11 significant bits, and what is more
   than 240 dB below it becomes nothing. Values that were rounded so have the same exponent again.
   @param largest  Finite, >= 0. 0 has the exponent 0.
*/
int ub_half_exponent(float largest);

#endif
