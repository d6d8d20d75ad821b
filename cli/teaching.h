// SPDX-License-Identifier: GPL-3.0-or-later
/** Sources that are learned while the sound plays, one after the other, in the order of their
   names; later each may be learned again with more sound. For the main thread. */
#ifndef UNBRAID_CLI_TEACHING_H
#define UNBRAID_CLI_TEACHING_H

#include "lesson.h"
#include "status_line.h"

struct teaching_settings {
    const ub_dictionary *base; ///< sources that are known before; n_sources 0 for none. Borrowed
    const char *const *names; ///< of those to learn, at most UB_STREAM_MAX_SOURCES. Borrowed
    size_t n_names;
    const ub_settings *learning; ///< for ub_learn(). Borrowed
    double rate_hz;
    size_t n_channels;
};

struct teaching;

/** @return false after a report. */
bool teaching_new(const struct teaching_settings *settings, struct teaching **out);

/** Free it when the audio thread hears no lesson any more. NULL is fine. */
void teaching_free(struct teaching *teaching);

/** Begin to hear what comes next, if there is more to learn and nothing is heard or being learned.
    @return false after a report. */
bool teaching_begin(struct teaching *teaching);

/** The same for more of a source: one that was learned, by its number among the known ones. Others
    are left as they are. */
void teaching_begin_more(struct teaching *teaching, size_t source);

/** What the audio thread shall hear now, or NULL. */
struct lesson *teaching_lesson(const struct teaching *teaching);

/** End what is heard, and begin to learn it. @return false after a report. */
bool teaching_end(struct teaching *teaching);

/** Whether something has been learned, or could not be, that teaching_take() waits for. */
bool teaching_is_ready(const struct teaching *teaching);

/** Whether it is learning, and how far that has come, 0 to 1. */
bool teaching_is_learning(const struct teaching *teaching);
double teaching_progress(const struct teaching *teaching);

/** The source that is heard or learned, or was last. */
const char *teaching_name(const struct teaching *teaching);

/** Wait for what is being learned, and take it. What is no sound to learn from goes on being heard.
    @return UB_OK, or what ub_learn() says; then nothing has changed. */
ub_status teaching_take(struct teaching *teaching, ub_message *why);

/** Sources that are known by now, those of the base first, and how many of them were learned. */
size_t teaching_n_known(const struct teaching *teaching);
size_t teaching_n_learned(const struct teaching *teaching);

/** All that is known, in one dictionary: teaching_n_known() > 0. The caller frees it. */
ub_status teaching_dictionary(const struct teaching *teaching, ub_dictionary *out, ub_message *why);

/** Say what is heard, being learned, or could be next. */
void teaching_describe(const struct teaching *teaching, struct status_line *line);

#endif
