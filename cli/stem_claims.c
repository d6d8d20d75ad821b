// SPDX-License-Identifier: GPL-3.0-or-later
#include "stem_claims.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

// The path of one stem of a track stands for all of them.
struct claim {
    char *path;
    const struct track *track;
};

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct claim *)a)->path, ((const struct claim *)b)->path);
}

static enum outcome check_claims(const struct usage *usage, struct claim *claims, size_t n)
{
    qsort(claims, n, sizeof *claims, by_path);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(claims[i - 1].path, claims[i].path) == 0) {
            return options_misused(usage, claims[i].track->path,
                                   "would have stems of the same names as %.120s; rename one, or "
                                   "separate them one by one with different -o",
                                   claims[i - 1].track->path);
        }
    }
    return DONE;
}

enum outcome stem_claims_check(const struct usage *usage, const struct stem_choice *choice,
                               const struct track_list *list)
{
    enum outcome outcome = DONE;
    struct claim *claims = calloc(list->n + 1, sizeof *claims);
    size_t n = 0;
    for (; claims && outcome == DONE && n < list->n; n++) {
        const char *name = list->tracks[n].name;
        claims[n] = (struct claim){stem_path(choice, name, "source"), &list->tracks[n]};
        if (!claims[n].path) {
            break;
        }
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
            outcome = options_misused(usage, list->tracks[n].path,
                                      "has a name that no folder can have; rename it");
        }
    }
    if (outcome == DONE && n < list->n) {
        report_error(usage->command, "no memory for the names of the stems; name fewer files");
        outcome = FAILED;
    }
    outcome = outcome == DONE ? check_claims(usage, claims, n) : outcome;
    for (size_t i = 0; i < n; i++) {
        free(claims[i].path);
    }
    free(claims);
    return outcome;
}
