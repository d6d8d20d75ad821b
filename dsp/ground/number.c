// SPDX-License-Identifier: GPL-3.0-or-later
// The C library reads and writes numbers by the locale; files and options do not change with it.
#include "number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ub_number_parse(const char *text, double *number)
{
    char local[64];
    size_t n = 0;
    const char *point = localeconv()->decimal_point;
    const size_t point_size = strlen(point);
    for (const char *c = text; *c; c++) {
        if (!strchr("0123456789+-.eE", *c) || n + point_size >= sizeof local) {
            return false;
        }
        if (*c == '.') {
            memcpy(local + n, point, point_size);
            n += point_size;
        } else {
            local[n++] = *c;
        }
    }
    local[n] = '\0';
    char *end;
    *number = strtod(local, &end);
    return n > 0 && *end == '\0' && isfinite(*number);
}

void ub_number_format(double number, char text[UB_NUMBER_SIZE])
{
    double back;
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, UB_NUMBER_SIZE, "%.*g", digits, number);
        const char *point = localeconv()->decimal_point;
        char *at = strstr(text, point);
        if (at && *point) {
            const size_t tail = strlen(at + strlen(point)) + 1;
            memmove(at + 1, at + strlen(point), tail);
            *at = '.';
        }
        if (ub_number_parse(text, &back) && back == number) {
            return;
        }
    }
}
