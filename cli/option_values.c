// SPDX-License-Identifier: GPL-3.0-or-later
#include "option_values.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

bool option_number(const struct usage *usage, const char *option, const char *value, double lowest,
                   double highest, double *number)
{
    char *end;
    *number = strtod(value, &end);
    if (end != value && !*end && *number >= lowest && *number <= highest) {
        return true;
    }
    options_misused(usage, option, "is '%.20s', but must be a number from %.15g to %.15g", value,
                    lowest, highest);
    return false;
}

bool option_count(const struct usage *usage, const char *option, const char *value, uint64_t lowest,
                  uint64_t highest, uint64_t *count)
{
    char *end;
    const unsigned long long number = strtoull(value, &end, 10);
    if (isdigit((unsigned char)*value) && !*end && number >= lowest && number <= highest) {
        *count = number;
        return true;
    }
    options_misused(usage, option,
                    "is '%.20s', but must be a whole number from %" PRIu64 " to %" PRIu64, value,
                    lowest, highest);
    return false;
}
