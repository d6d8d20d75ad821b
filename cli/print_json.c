// SPDX-License-Identifier: GPL-3.0-or-later
#include "print_json.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// Length of the UTF-8 character at `text`, 0 when there is none: overlong forms, surrogates and
// what lies beyond U+10FFFF are none.
static size_t character_length(const unsigned char *text)
{
    const size_t n = text[0] < 0x80             ? 1
                     : (text[0] & 0xe0) == 0xc0 ? 2
                     : (text[0] & 0xf0) == 0xe0 ? 3
                     : (text[0] & 0xf8) == 0xf0 ? 4
                                                : 0;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t code = n < 2 ? text[0] : text[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0; // the closing zero too
        }
        code = code << 6 | (text[i] & 0x3f);
    }
    const bool is_good =
        code >= smallest[n] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return is_good ? n : 0;
}

void print_json_string(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        const size_t n = character_length(c);
        if (n == 0) {
            fputs("\\ufffd", to);
        } else if (*c == '"' || *c == '\\') {
            fprintf(to, "\\%c", *c);
        } else if (*c < 0x20 || *c == 0x7f) {
            fprintf(to, "\\u%04x", *c);
        } else {
            fwrite(c, 1, n, to);
        }
        c += n ? n : 1;
    }
    fputc('"', to);
}

// The tool never calls setlocale(), so printf writes a point.
void print_json_number(FILE *to, double number, int decimals)
{
    if (isfinite(number)) {
        fprintf(to, "%.*f", decimals, number);
    } else {
        fputs("null", to);
    }
}
