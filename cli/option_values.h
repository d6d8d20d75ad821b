// SPDX-License-Identifier: GPL-3.0-or-later
/** Values of options that are not parameters of the library. */
#ifndef UNBRAID_CLI_OPTION_VALUES_H
#define UNBRAID_CLI_OPTION_VALUES_H

#include "options.h"

#include <stdint.h>

/** Read a number. @param option  Its name, with "--". @return false after a report. */
bool option_number(const struct usage *usage, const char *option, const char *value, double lowest,
                   double highest, double *number);

/** Read a whole number from `lowest` on. @return false after a report. */
bool option_count(const struct usage *usage, const char *option, const char *value, uint64_t lowest,
                  uint64_t highest, uint64_t *count);

#endif
