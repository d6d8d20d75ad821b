// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/dictionary.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PITCH_TEXT = 16, // "C#-1" and the like
    RANGE_TEXT = 48
};

static ub_status check(const ub_dictionary *from, const int *pitches, size_t n, ub_message *why)
{
    if (!from->component_pitch) {
        return ub_fail(why, UB_BAD_VALUE,
                       "the dictionary does not say which template is which note");
    }
    for (size_t i = 0; i < n; i++) {
        if (pitches[i] < 1 || pitches[i] > UB_DICTIONARY_MAX_PITCH ||
            (i > 0 && pitches[i] <= pitches[i - 1])) {
            return ub_fail(why, UB_BAD_VALUE,
                           "ranges begin at notes 1 to %d, each above the one before",
                           UB_DICTIONARY_MAX_PITCH);
        }
    }
    return UB_OK;
}

// Octaves as those of middle C being C4.
static void name_pitch(int pitch, char text[PITCH_TEXT])
{
    static const char *const names[] = {"C",  "C#", "D",  "D#", "E",  "F",
                                        "F#", "G",  "G#", "A",  "A#", "B"};
    snprintf(text, PITCH_TEXT, "%s%d", names[pitch % 12], pitch / 12 - 1);
}

// Range 0 lies below the first pitch; range n + 1 are templates of no note.
static size_t range_of(int pitch, const int *pitches, size_t n)
{
    size_t range = 0;
    while (range < n && pitch >= pitches[range]) {
        range++;
    }
    return pitch < 0 ? n + 1 : range;
}

static void name_range(size_t range, const int *pitches, size_t n, char text[RANGE_TEXT])
{
    char first[PITCH_TEXT] = "", last[PITCH_TEXT] = "";
    if (range >= 1 && range <= n) {
        name_pitch(pitches[range - 1], first);
    }
    if (range < n) {
        name_pitch(pitches[range] - (range > 0), last);
    }
    if (range == n + 1) {
        snprintf(text, RANGE_TEXT, "unpitched");
    } else if (n == 0) {
        snprintf(text, RANGE_TEXT, "notes");
    } else if (range == 0) {
        snprintf(text, RANGE_TEXT, "below-%s", last);
    } else if (range == n) {
        snprintf(text, RANGE_TEXT, "from-%s", first);
    } else {
        snprintf(text, RANGE_TEXT, "%s-to-%s", first, last);
    }
}

// The source of the split dictionary for a source and a range, made where it is new.
static ub_status find_source(const ub_dictionary *from, size_t source, const char *range,
                             ub_dictionary *split, size_t *found, ub_message *why)
{
    char name[UB_DICTIONARY_MAX_NAME + RANGE_TEXT + 2];
    snprintf(name, sizeof name, "%s%s%s", from->n_sources > 1 ? from->source_names[source] : "",
             from->n_sources > 1 ? "-" : "", range);
    for (*found = 0; *found < split->n_sources; ++*found) {
        if (strcmp(split->source_names[*found], name) == 0) {
            return UB_OK;
        }
    }
    if (split->n_sources == UB_DICTIONARY_MAX_SOURCES) {
        return ub_fail(why, UB_BAD_VALUE, "the ranges are more than %d sources",
                       UB_DICTIONARY_MAX_SOURCES);
    }
    const ub_status status = ub_name_check(name, why);
    if (status) {
        return status;
    }
    char *copy = malloc(strlen(name) + 1);
    if (!copy) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for the names of ranges");
    }
    split->source_names[split->n_sources++] = strcpy(copy, name);
    return UB_OK;
}

static void forget_names(ub_dictionary *split)
{
    for (size_t j = 0; j < split->n_sources; j++) {
        free(split->source_names[j]);
    }
    free(split->source_names);
    split->source_names = NULL;
    split->n_sources = 0;
}

static ub_status assign(const ub_dictionary *from, const int *pitches, size_t n,
                        ub_dictionary *split, ub_message *why)
{
    ub_status status = UB_OK;
    // By source and then by range, so that stems come in the order of their pitch.
    for (size_t source = 0; source < from->n_sources; source++) {
        for (size_t range = 0; range < n + 2; range++) {
            char text[RANGE_TEXT];
            name_range(range, pitches, n, text);
            for (size_t k = 0; !status && k < from->templates.n_cols; k++) {
                if (from->component_source[k] == source &&
                    range_of(from->component_pitch[k], pitches, n) == range) {
                    status =
                        find_source(from, source, text, split, &split->component_source[k], why);
                }
            }
        }
    }
    return status;
}

ub_status ub_dictionary_split(const ub_dictionary *from, const int *pitches, size_t n,
                              ub_dictionary *out, ub_message *why)
{
    ub_status status = check(from, pitches, n, why);
    if (status) {
        return status;
    }
    ub_dictionary split;
    status = ub_dictionary_copy(from, &split);
    if (status) {
        return ub_fail(why, status, "no memory for a copy of the dictionary");
    }
    forget_names(&split);
    split.source_names = calloc(UB_DICTIONARY_MAX_SOURCES, sizeof *split.source_names);
    status = split.source_names ? assign(from, pitches, n, &split, why)
                                : ub_fail(why, UB_NO_MEMORY, "no memory for the names of ranges");
    if (status) {
        ub_dictionary_free(&split);
        return status;
    }
    *out = split;
    return UB_OK;
}
