// SPDX-License-Identifier: GPL-3.0-or-later
// Which stems, and what their files are called.
#include "stems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const placeholders[] = {"{track}", "{source}", "{ext}"};

enum { N_PLACEHOLDERS = sizeof placeholders / sizeof placeholders[0], SOURCE = 1 };

// The placeholder that `text` begins with, or N_PLACEHOLDERS.
static size_t placeholder_at(const char *text)
{
    size_t i = 0;
    while (i < N_PLACEHOLDERS && strncmp(text, placeholders[i], strlen(placeholders[i])) != 0) {
        i++;
    }
    return i;
}

static ub_status check_placeholders(const char *pattern, ub_message *why)
{
    bool has_source = false;
    for (const char *at = pattern; *at; at++) {
        const size_t found = placeholder_at(at);
        has_source = has_source || found == SOURCE;
        if (found < N_PLACEHOLDERS) {
            at += strlen(placeholders[found]) - 1;
        } else if (*at == '{' || *at == '}') {
            return ub_fail(why, UB_BAD_SETTING,
                           "'%.40s' is no placeholder; there are {track}, {source} and {ext}", at);
        }
    }
    if (!has_source) {
        return ub_fail(why, UB_BAD_SETTING, "must hold {source}, or all stems would be one file");
    }
    return UB_OK;
}

ub_status stem_pattern_check(const char *pattern, ub_message *why)
{
    ub_status status = check_placeholders(pattern, why);
    for (const char *at = pattern; !status && at; at = strchr(at, '/')) {
        at += *at == '/' && at != pattern;
        const size_t n = strcspn(at, "/");
        if (n == 0 || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.')) {
            status = ub_fail(why, UB_BAD_SETTING,
                             "must be a path below the output folder, without empty, '.' and '..' "
                             "parts; choose the folder with -o");
        }
    }
    return status;
}

// The text that stands for the placeholder, or for a single character, at `*at`, which moves on.
static const char *expand(const char **at, const char *const *values, char *single)
{
    const size_t found = placeholder_at(*at);
    if (found < N_PLACEHOLDERS) {
        *at += strlen(placeholders[found]);
        return values[found];
    }
    single[0] = *(*at)++;
    return single;
}

char *stem_path(const struct stem_choice *choice, const char *track, const char *source)
{
    const char *values[N_PLACEHOLDERS] = {track, source,
                                          stem_container_extension(choice->request.container)};
    char single[2] = "";
    size_t size = strlen(choice->folder) + 2;
    for (const char *at = choice->pattern; *at;) {
        size += strlen(expand(&at, values, single));
    }
    char *path = malloc(size);
    if (!path) {
        return NULL;
    }
    const size_t n = strlen(choice->folder);
    strcpy(path, choice->folder);
    strcat(path, n > 0 && choice->folder[n - 1] == '/' ? "" : "/");
    for (const char *at = choice->pattern; *at;) {
        strcat(path, expand(&at, values, single));
    }
    return path;
}

static bool is_source(const char *name, size_t length, size_t n_sources, const char *const *names)
{
    for (size_t j = 0; j < n_sources; j++) {
        if (strlen(names[j]) == length && strncmp(names[j], name, length) == 0) {
            return true;
        }
    }
    return false;
}

static ub_status unknown(const char *name, size_t length, size_t n_sources,
                         const char *const *names, ub_message *why)
{
    char list[160] = "";
    for (size_t j = 0; j < n_sources; j++) {
        const size_t used = strlen(list);
        const int n = snprintf(list + used, sizeof list - used, "%s%s", j ? ", " : "", names[j]);
        if (n < 0 || (size_t)n >= sizeof list - used) {
            snprintf(list + sizeof list - 6, 6, ", ...");
            break;
        }
    }
    return ub_fail(why, UB_BAD_SETTING, "there is no source '%.*s'; there are: %s",
                   (int)(length < 40 ? length : 40), name, list);
}

ub_status stem_choice_check(const struct stem_choice *choice, size_t n_sources,
                            const char *const *names, ub_message *why)
{
    const char *wanted = choice->target ? choice->target : choice->only;
    for (const char *at = wanted; at; at = strchr(at, ',')) {
        at += *at == ',';
        const size_t length = strcspn(at, ",");
        if (!is_source(at, length, n_sources, names)) {
            return unknown(at, length, n_sources, names, why);
        }
    }
    return UB_OK;
}
