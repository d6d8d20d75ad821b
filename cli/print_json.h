// SPDX-License-Identifier: GPL-3.0-or-later
/** The values of JSON that the tool prints (names that do not clash with jansson, which dsp links).
 */
#ifndef UNBRAID_CLI_PRINT_JSON_H
#define UNBRAID_CLI_PRINT_JSON_H

#include <stdio.h>

/** Print a quoted string. Bytes that are not UTF-8, as file names may hold, become U+FFFD. */
void print_json_string(FILE *to, const char *text);

/** Print a number with so many decimals, or null for NaN and infinity. */
void print_json_number(FILE *to, double number, int decimals);

#endif
