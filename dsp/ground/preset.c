// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/preset.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

// Cut blanks from both ends of [*from, *to).
static void trim(const char **from, const char **to)
{
    while (*from < *to && is_blank(**from)) {
        ++*from;
    }
    while (*to > *from && is_blank((*to)[-1])) {
        --*to;
    }
}

// Control characters could give orders to a terminal, or end a text early.
static bool copy_text(const char *from, const char *to, char *text, size_t size)
{
    trim(&from, &to);
    const size_t n = (size_t)(to - from);
    if (n == 0 || n >= size) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)from[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    memcpy(text, from, n);
    text[n] = '\0';
    return true;
}

static ub_status set_file(const char *key, const char *name, char *file, ub_message *why)
{
    if (name[0] == '.' || strpbrk(name, "/\\")) {
        return ub_fail(why, UB_BAD_SETTING,
                       "%s is '%.60s', but must be the name of a file beside the preset", key,
                       name);
    }
    strcpy(file, name);
    return UB_OK;
}

static ub_status set(const char *key, const char *value, ub_settings *settings, ub_preset *preset,
                     ub_message *why)
{
    if (strcmp(key, "title") == 0) {
        strcpy(preset->title, value);
        return UB_OK;
    }
    if (strcmp(key, "summary") == 0) {
        strcpy(preset->summary, value);
        return UB_OK;
    }
    if (strcmp(key, "dictionary") == 0) {
        return set_file(key, value, preset->dictionary, why);
    }
    if (strcmp(key, "offline-dictionary") == 0) {
        return set_file(key, value, preset->offline_dictionary, why);
    }
    return ub_settings_set(settings, key, value, why);
}

static ub_status parse_line(const char *from, const char *to, size_t line, ub_settings *settings,
                            ub_preset *preset, ub_message *why)
{
    const char *comment = memchr(from, '#', (size_t)(to - from));
    to = comment ? comment : to;
    trim(&from, &to);
    if (from == to) {
        return UB_OK;
    }
    char key[64], value[UB_PRESET_TEXT];
    const char *equals = memchr(from, '=', (size_t)(to - from));
    if (!equals || !copy_text(from, equals, key, sizeof key) ||
        !copy_text(equals + 1, to, value, sizeof value)) {
        return ub_fail(why, UB_BAD_SETTING, "line %zu is not of the form 'key = value'", line);
    }
    ub_message detail = {""};
    const ub_status status = set(key, value, settings, preset, &detail);
    return status ? ub_fail(why, status, "line %zu: %.200s", line, detail.text) : UB_OK;
}

ub_status ub_preset_parse(const char *text, size_t size, ub_settings *settings, ub_preset *preset,
                          ub_message *why)
{
    ub_settings parsed = *settings;
    ub_preset said = {.title = ""};
    const char *end = text + size;
    for (size_t line = 1; text < end; line++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop ? stop : end;
        const ub_status status = parse_line(text, stop, line, &parsed, &said, why);
        if (status) {
            return status;
        }
        text = stop + 1;
    }
    *settings = parsed;
    if (preset) {
        *preset = said;
    }
    return UB_OK;
}
