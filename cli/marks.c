// SPDX-License-Identifier: GPL-3.0-or-later
#include "marks.h"
#include "option_values.h"
#include "time_span.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool marks_new(size_t n, struct marks *marks)
{
    *marks = (struct marks){.list = calloc(n ? n : 1, sizeof *marks->list),
                            .names = calloc(n ? n : 1, sizeof *marks->names)};
    return marks->list && marks->names;
}

void marks_free(struct marks *marks)
{
    free(marks->list);
    free(marks->names);
    *marks = (struct marks){0};
}

// What stands before the last '@'.
static bool take_name(const struct usage *usage, const char *option, const char *value,
                      const char *at, struct marks *marks)
{
    ub_message why = {"the name of the source is too long"};
    const size_t length = (size_t)(at - value);
    char *name = marks->names[marks->n];
    if (length <= UB_DICTIONARY_MAX_NAME) {
        memcpy(name, value, length);
        name[length] = '\0';
    }
    if (length > UB_DICTIONARY_MAX_NAME || ub_name_check(name, &why)) {
        options_misused(usage, option, "is '%.40s': %s", value, why.text);
        return false;
    }
    marks->list[marks->n].name = name;
    return true;
}

// "LOW-HIGH" in Hz.
static bool read_band(const char *text, ub_mark *mark)
{
    char *end;
    if (*text < '0' || *text > '9') {
        return false;
    }
    mark->low_hz = strtod(text, &end);
    if (*end != '-' || end[1] < '0' || end[1] > '9') {
        return false;
    }
    mark->high_hz = strtod(end + 1, &end);
    return *end == '\0';
}

static bool take_region(const struct usage *usage, const char *value, const char *span,
                        ub_mark *mark)
{
    const char *comma = strchr(span, ',');
    const char *end = comma ? comma : span + strlen(span);
    mark->kind = UB_MARK_REGION;
    mark->high_hz = INFINITY;
    if (!time_span_read(span, end, &mark->from_s, &mark->to_s) ||
        (comma && !read_band(comma + 1, mark))) {
        options_misused(usage, "--mark",
                        "is '%.60s', but must be NAME@FROM-TO or NAME@FROM-TO,LOW-HIGH, times "
                        "like 13.5, 0:13 or 1:02:03 and frequencies in Hz",
                        value);
        return false;
    }
    if (mark->from_s >= mark->to_s || mark->low_hz >= mark->high_hz) {
        options_misused(usage, "--mark", "is '%.60s', but %s", value,
                        mark->from_s >= mark->to_s ? "FROM must be before TO"
                                                   : "LOW must be below HIGH");
        return false;
    }
    return true;
}

bool marks_take(const struct usage *usage, const char *name, const char *value, bool *well,
                struct marks *marks)
{
    const bool is_region = strcmp(name, "mark") == 0;
    if (!is_region && strcmp(name, "pan") != 0) {
        return false;
    }
    const char *option = is_region ? "--mark" : "--pan", *at = strrchr(value, '@');
    ub_mark *mark = &marks->list[marks->n];
    *mark = (ub_mark){.kind = UB_MARK_POSITION};
    if (!at) {
        options_misused(usage, option, "is '%.60s', but must be NAME@%s", value,
                        is_region ? "FROM-TO" : "POSITION");
        *well = false;
        return true;
    }
    *well = (is_region ? take_region(usage, value, at + 1, mark)
                       : option_number(usage, option, at + 1, -100.0, 100.0, &mark->position)) &&
            take_name(usage, option, value, at, marks);
    marks->option = marks->option ? marks->option : option;
    marks->n++;
    return true;
}

enum outcome marks_check(const struct marks *marks, const struct usage *usage,
                         const struct options *options, const char *other)
{
    const bool *given = options->given;
    const char *names[UB_DICTIONARY_MAX_SOURCES + 1];
    if (marks->n == 0) {
        return DONE;
    }
    other = given[UB_PARAM_SOURCES] ? "--sources" : given[UB_PARAM_METHOD] ? "--method" : other;
    other = given[UB_PARAM_FREE] ? "--free" : other;
    if (other) {
        return options_misused(usage, marks->option, "does not go with %s", other);
    }
    const size_t n = ub_marks_names(marks->list, marks->n, &options->settings, names);
    if (n > UB_DICTIONARY_MAX_SOURCES) {
        return options_misused(usage, marks->option, "is given for more than %d sources",
                               UB_DICTIONARY_MAX_SOURCES);
    }
    if (n == 2 && strcmp(names[0], names[1]) == 0) {
        return options_misused(usage, marks->option,
                               "names '%s' only, which is all that no other mark is of; mark "
                               "another source too",
                               names[0]);
    }
    return DONE;
}
