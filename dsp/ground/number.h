// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_GROUND_NUMBER_H
#define UNBRAID_GROUND_NUMBER_H

#include <stdbool.h>

enum {
    UB_NUMBER_SIZE = 32 // bytes of a formatted number
};

/**
   A plain decimal number from text, with '.' as decimal point whatever the locale. Nothing may
   stand before or after it; hexadecimal, "nan" and "inf" are not numbers. Private header.
*/
bool ub_number_parse(const char *text, double *number);

/** False for NaN. */
static inline bool ub_in_range(double x, double minimum, double maximum)
{
    return x >= minimum && x <= maximum;
}

/** The shortest text that ub_number_parse() reads back as the same finite number. */
void ub_number_format(double number, char text[UB_NUMBER_SIZE]);

#endif
