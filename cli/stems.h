// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Where the stems of a recording go: chosen, named, and made integers that sum to the recording
   where they are integers.
*/
#ifndef UNBRAID_CLI_STEMS_H
#define UNBRAID_CLI_STEMS_H

#include "stem_file.h"

/** What the command line asks of stems. Borrowed texts. */
struct stem_choice {
    const char *folder; ///< everything goes below it
    const char *pattern; ///< file names: see stem_pattern_check()
    const char *only; ///< names with commas; NULL for all
    const char *target; ///< --two-stems: this one and the rest of the recording; NULL for none
    struct stem_request request;
};

/**
   A pattern holds {source}, may hold {track} and {ext}, and leads nowhere but below the folder:
   it is relative, without empty, "." and ".." parts.
   @return UB_OK or UB_BAD_SETTING.
*/
ub_status stem_pattern_check(const char *pattern, ub_message *why);

/** Path of a stem, or NULL without memory; the caller frees it. */
char *stem_path(const struct stem_choice *choice, const char *track, const char *source);

/**
   Whether the names that are asked for are among these. When not, the message lists them.
   @return UB_OK or UB_BAD_SETTING.
*/
ub_status stem_choice_check(const struct stem_choice *choice, size_t n_sources,
                            const char *const *names, ub_message *why);

struct stems;

/** Stems of one recording. Everything given is borrowed until stems_free(). */
ub_status stems_new(const struct stem_choice *choice, const char *track, const char *input_path,
                    struct audio_file *recording, struct stems **out, ub_message *why);

/** The sink for ub_separate(). */
ub_stem_sink stems_sink(struct stems *stems);

/** All stems get their names. @return UB_OK or UB_FILE_ERROR, then nothing has changed. */
ub_status stems_commit(struct stems *stems, ub_message *why);

/** Stems that are written, known once the sink has begun. */
size_t stems_count(const struct stems *stems);

/** Path of a stem. Borrowed. */
const char *stems_path(const struct stems *stems, size_t stem);

/** Samples of a stem that had to be clipped. */
size_t stems_clipped(const struct stems *stems, size_t stem);

/** Samples of the recording itself that its stems' integers cannot hold. */
size_t stems_recording_clipped(const struct stems *stems);

/** What has not been committed disappears. NULL is fine. */
void stems_free(struct stems *stems);

#endif
