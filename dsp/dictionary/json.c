// SPDX-License-Identifier: GPL-3.0-or-later
#include "json.h"

#include <stdint.h>
#include <string.h>

enum {
    // A parsed value takes about a hundred times the bytes of "[]," that made it: so many that
    // a file's size alone does not bound the memory.
    MOST_TOKENS = 1 << 16
};

// A look ahead of the parser. jansson takes fractions through strtod() and the locale's decimal
// point, and aborts the process where that point has more than one byte (ps_AF). Headers hold
// whole numbers only, so none may reach it.
static ub_status scan(const char *text, size_t size, ub_message *why)
{
    bool quoted = false;
    size_t n_tokens = 0;
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        if (quoted && c == '\\') {
            i++; // what is escaped closes nothing
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == '.' || ((c == 'e' || c == 'E') && i && text[i - 1] >= '0' &&
                                            text[i - 1] <= '9'))) {
            return ub_fail(why, UB_BAD_FORMAT, "it holds a number that is not whole at byte %zu",
                           i);
        } else if (!quoted && memchr("{}[]:,", c, 6) && ++n_tokens > MOST_TOKENS) {
            return ub_fail(why, UB_BAD_FORMAT, "it has more than %d entries", MOST_TOKENS);
        }
    }
    return UB_OK;
}

ub_status ub_json_parse(const char *text, size_t size, json_t **out, ub_message *why)
{
    const ub_status status = scan(text, size, why);
    if (status) {
        return status;
    }
    json_error_t error;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        // jansson is silent about most allocations that fail.
        return error.text[0] == '\0' || json_error_code(&error) == json_error_out_of_memory
                   ? ub_fail(why, UB_NO_MEMORY, "no memory to read %zu bytes of JSON", size)
                   : ub_fail(why, UB_BAD_FORMAT, "it is not JSON: %.150s", error.text);
    }
    *out = json;
    return UB_OK;
}

bool ub_json_size_at(const json_t *array, size_t index, size_t *size)
{
    const json_t *number = json_array_get(array, index);
    const json_int_t value = json_integer_value(number);
    if (!json_is_integer(number) || value < 0 || (uintmax_t)value > SIZE_MAX) {
        return false;
    }
    *size = (size_t)value;
    return true;
}
