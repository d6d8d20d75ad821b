// SPDX-License-Identifier: GPL-3.0-or-later
#include "teaching.h"
#include "report.h"

#include <unbraid/stream.h>

#include <stdlib.h>

struct teaching {
    struct teaching_settings settings;
    struct lesson *lessons[UB_STREAM_MAX_SOURCES]; // NULL until they are begun
    ub_dictionary learned[UB_STREAM_MAX_SOURCES]; // of one source each
    size_t n_learned; // in the order of the names
    size_t current; // the lesson that is heard or being learned
    bool is_hearing, is_learning;
};

bool teaching_new(const struct teaching_settings *settings, struct teaching **out)
{
    struct teaching *teaching = calloc(1, sizeof *teaching);
    if (!teaching) {
        report_error("--learn", "no memory; close other programs");
        return false;
    }
    teaching->settings = *settings;
    *out = teaching;
    return true;
}

void teaching_free(struct teaching *teaching)
{
    for (size_t i = 0; teaching && i < teaching->settings.n_names; i++) {
        lesson_free(teaching->lessons[i]);
        ub_dictionary_free(&teaching->learned[i]);
    }
    free(teaching);
}

static bool has_more(const struct teaching *teaching)
{
    return teaching->n_learned < teaching->settings.n_names && !teaching->is_hearing &&
           !teaching->is_learning;
}

bool teaching_begin(struct teaching *teaching)
{
    if (!has_more(teaching)) {
        return true;
    }
    const size_t next = teaching->n_learned;
    if (!teaching->lessons[next] &&
        !lesson_new(teaching->settings.names[next], teaching->settings.rate_hz,
                    teaching->settings.n_channels, &teaching->lessons[next])) {
        return false;
    }
    teaching->current = next;
    teaching->is_hearing = true;
    return true;
}

void teaching_begin_more(struct teaching *teaching, size_t source)
{
    const size_t n_base = teaching->settings.base->n_sources;
    if (!teaching->is_hearing && !teaching->is_learning && source >= n_base &&
        source < teaching_n_known(teaching)) {
        teaching->current = source - n_base;
        teaching->is_hearing = true;
    }
}

struct lesson *teaching_lesson(const struct teaching *teaching)
{
    return teaching->is_hearing ? teaching->lessons[teaching->current] : NULL;
}

bool teaching_end(struct teaching *teaching)
{
    if (teaching->is_hearing) {
        teaching->is_hearing = false;
        teaching->is_learning =
            lesson_learn(teaching->lessons[teaching->current], teaching->settings.learning);
        return teaching->is_learning;
    }
    return true;
}

bool teaching_is_learning(const struct teaching *teaching)
{
    return teaching->is_learning;
}

double teaching_progress(const struct teaching *teaching)
{
    return lesson_progress(teaching->lessons[teaching->current]);
}

const char *teaching_name(const struct teaching *teaching)
{
    return teaching->settings.names[teaching->current];
}

bool teaching_is_ready(const struct teaching *teaching)
{
    return teaching->is_learning && lesson_is_learned(teaching->lessons[teaching->current]);
}

ub_status teaching_take(struct teaching *teaching, ub_message *why)
{
    ub_dictionary learned;
    const size_t i = teaching->current;
    const ub_status status = lesson_take(teaching->lessons[i], &learned, why);
    teaching->is_learning = false;
    if (status) {
        teaching->is_hearing = status == UB_BAD_VALUE;
        return status;
    }
    ub_dictionary_free(&teaching->learned[i]);
    teaching->learned[i] = learned;
    teaching->n_learned += i == teaching->n_learned;
    return UB_OK;
}

size_t teaching_n_known(const struct teaching *teaching)
{
    return teaching->settings.base->n_sources + teaching->n_learned;
}

size_t teaching_n_learned(const struct teaching *teaching)
{
    return teaching->n_learned;
}

ub_status teaching_dictionary(const struct teaching *teaching, ub_dictionary *out, ub_message *why)
{
    const ub_dictionary *parts[UB_STREAM_MAX_SOURCES + 1];
    size_t n = 0;
    if (teaching->settings.base->n_sources > 0) {
        parts[n++] = teaching->settings.base;
    }
    for (size_t i = 0; i < teaching->n_learned; i++) {
        parts[n++] = &teaching->learned[i];
    }
    return ub_dictionary_join(parts, n, out, why);
}

void teaching_describe(const struct teaching *teaching, struct status_line *line)
{
    const struct lesson *lesson = teaching->lessons[teaching->current];
    if (teaching->is_hearing) {
        status_line_add(line, "  hearing %s: %.0f of %d s, %.0f s of it sound; Enter ends",
                        teaching_name(teaching), lesson_heard_s(lesson), LESSON_LONGEST_S,
                        lesson_sound_s(lesson));
    } else if (teaching->is_learning) {
        status_line_add(line, "  learning %s: %.0f %%", teaching_name(teaching),
                        100.0 * teaching_progress(teaching));
    } else if (has_more(teaching)) {
        status_line_add(line, "  Enter hears %s", teaching->settings.names[teaching->n_learned]);
    }
}
