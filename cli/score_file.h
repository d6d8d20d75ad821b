// SPDX-License-Identifier: GPL-3.0-or-later
/** Separation by a score: its MIDI file, the options that say how to read it, and the dictionaries
    of its instruments. */
#ifndef UNBRAID_CLI_SCORE_FILE_H
#define UNBRAID_CLI_SCORE_FILE_H

#include "options.h"

#include <unbraid/parts.h>
#include <unbraid/separate.h>

/** When the score is aligned to the recording. */
enum score_alignment { SCORE_ALIGN_AUTO, SCORE_ALIGN_ON, SCORE_ALIGN_OFF };

/** What the options say, and what is loaded. score_file_free() frees it. */
struct score_file {
    const char *path; ///< NULL: there is no score
    const char *first_option; ///< that was given beside --midi, or NULL
    ub_parts_by by;
    int split; ///< 0: none
    double offset_s, tolerance_s;
    enum score_alignment alignment;
    bool is_aligned; ///< notes have been moved
    ub_parts parts;
    ub_dictionary *dictionaries;
    size_t n_dictionaries;
};

/** Nothing given. */
struct score_file score_file_none(void);

/** Whether an option is one of a score's; if so it is taken. @param well  Set to false after a
    report, when its value makes no sense. */
bool score_file_take(struct score_file *score, const struct usage *usage, const char *name,
                     const char *value, bool *well);

/** What does not go with a score, or not without one. @return DONE, or MISUSED after a report. */
enum outcome score_file_check(const struct score_file *score, const struct usage *usage,
                              const struct options *options, bool has_passages);

/** Read the score, the dictionaries, and those that come with the tool. @return false after a
    report. */
bool score_file_load(struct score_file *score, const char *const *dictionary_paths, size_t n);

/** The names of the stems, borrowed. @param names  Room for all. @return how many. */
size_t score_file_names(const struct score_file *score, const char **names);

/** Separate by it, once it is in time. Notes are moved: for one recording. */
ub_status score_file_separate(struct score_file *score, const ub_audio *mix,
                              const ub_settings *settings, const ub_progress *progress,
                              const ub_stem_sink *sink, ub_message *why);

/** Say so where it was not in time. */
void score_file_report(const struct score_file *score);

void score_file_free(struct score_file *score);

#endif
