// SPDX-License-Identifier: GPL-3.0-or-later
#include "text.h"
#include "unbraid/dictionary.h"

#include <stdbool.h>
#include <string.h>

// Bytes of the UTF-8 sequence at `text`, 0 when it is not one: overlong forms, surrogates and
// what lies beyond U+10FFFF are refused. Reads no further than a closing zero.
static size_t utf8_sequence(const unsigned char *text)
{
    if (text[0] < 0x80) {
        return 1;
    }
    if (text[0] < 0xc2 || text[0] > 0xf4) {
        return 0;
    }
    const size_t n = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    const bool bad = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
                     (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f);
    return bad ? 0 : n;
}

// C0, delete and, as some terminals obey them too, C1 (U+0080 to U+009F).
static bool is_control(const unsigned char *text)
{
    return text[0] < 0x20 || text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0);
}

ub_status ub_name_check(const char *name, ub_message *why)
{
    const size_t size = strlen(name);
    if (size < 1 || size > UB_DICTIONARY_MAX_NAME) {
        return ub_fail(why, UB_BAD_VALUE, "a source name has %zu bytes; 1 to %d are allowed", size,
                       UB_DICTIONARY_MAX_NAME);
    }
    for (size_t i = 0, n; i < size; i += n) {
        const unsigned char *at = (const unsigned char *)name + i;
        n = utf8_sequence(at);
        if (n == 0 || is_control(at)) {
            return ub_fail(why, UB_BAD_VALUE,
                           "a source name holds control characters or is not UTF-8");
        }
        if (strchr("/\\=,", *at)) {
            return ub_fail(why, UB_BAD_VALUE, "the source name '%s' holds '%c'", name, *at);
        }
    }
    if (name[0] == '.' || name[0] == '-') {
        return ub_fail(why, UB_BAD_VALUE, "the source name '%s' starts with '%c'", name, name[0]);
    }
    return UB_OK;
}

ub_status ub_text_check(const char *text, const char *what, ub_message *why)
{
    const size_t size = strlen(text);
    if (size > UB_DICTIONARY_MAX_TEXT) {
        return ub_fail(why, UB_BAD_VALUE, "the %s has %zu bytes; at most %d are allowed", what,
                       size, UB_DICTIONARY_MAX_TEXT);
    }
    for (size_t i = 0, n; i < size; i += n) {
        const unsigned char *at = (const unsigned char *)text + i;
        n = utf8_sequence(at);
        if (n == 0 || (is_control(at) && *at != '\n' && *at != '\t')) {
            return ub_fail(why, UB_BAD_VALUE, "the %s holds control characters or is not UTF-8",
                           what);
        }
    }
    return UB_OK;
}

void ub_text_clean(char *text)
{
    while (*text) {
        unsigned char *at = (unsigned char *)text;
        const size_t n = utf8_sequence(at);
        if (n == 0 || is_control(at)) {
            memset(at, '?', n ? n : 1);
        }
        text += n ? n : 1;
    }
}

void ub_text_make_printable(ub_message *message)
{
    if (message) {
        ub_text_clean(message->text);
    }
}
