// SPDX-License-Identifier: GPL-3.0-or-later
#include "time_span.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_FIELDS = 3 // hours, minutes, seconds
};

// A field of a time from `at` on: digits, and decimals in the last one. @return its end, or NULL.
static const char *read_field(const char *at, bool is_last, double *value)
{
    const size_t n_digits = strspn(at, "0123456789");
    size_t n = n_digits;
    if (is_last && at[n] == '.') {
        n += 1 + strspn(at + n + 1, "0123456789");
    }
    if (n_digits == 0 || n > 15) {
        return NULL;
    }
    char text[16];
    memcpy(text, at, n);
    text[n] = '\0';
    *value = strtod(text, NULL);
    return at + n;
}

// "1:02:03.5" up to `end`. @return false where it is no time.
static bool read_time(const char *at, const char *end, double *seconds)
{
    size_t n_fields = 1;
    for (const char *c = at; c < end; c++) {
        n_fields += *c == ':';
    }
    *seconds = 0.0;
    for (size_t i = 0; i < n_fields && n_fields <= MOST_FIELDS; i++) {
        double value;
        at = read_field(at, i + 1 == n_fields, &value);
        if (!at || at > end || (i > 0 && value >= 60.0) || (i + 1 < n_fields && *at != ':')) {
            return false;
        }
        *seconds = 60.0 * *seconds + value;
        at += i + 1 < n_fields;
    }
    return at == end;
}

bool time_span_read(const char *text, const char *end, double *from_s, double *to_s)
{
    const char *dash = memchr(text, '-', (size_t)(end - text));
    return dash && read_time(text, dash, from_s) && read_time(dash + 1, end, to_s);
}
