// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Sound to learn a source from. It is heard by the audio thread, passage after passage, and learned
   by a thread of its own. All else belongs to the main thread.
*/
#ifndef UNBRAID_CLI_LESSON_H
#define UNBRAID_CLI_LESSON_H

#include <unbraid/dictionary.h>
#include <unbraid/params.h>

#include <stdbool.h>

/** So much sound is kept; what comes later is not heard. Passages beyond the last are one with it.
 */
enum { LESSON_LONGEST_S = 60, LESSON_MAX_PASSAGES = 64 };

struct lesson;

/** Room for a lesson. @param name  Of the source, borrowed. @return false after a report. */
bool lesson_new(const char *name, double rate_hz, size_t n_channels, struct lesson **out);

/** Free it when the audio thread hears it no more; what is being learned is given up. NULL is fine.
 */
void lesson_free(struct lesson *lesson);

/** Hear n samples of each channel. For the audio thread; a memory copy. What is not finite is
    silence. @param is_sound  Whether they count as sound for lesson_sound_s(). */
UB_RT void lesson_hear(struct lesson *lesson, const float *const *in, size_t n, bool is_sound);

/** Seconds that were heard, and how many of them were not silent. */
double lesson_heard_s(const struct lesson *lesson);
double lesson_sound_s(const struct lesson *lesson);

/** End the passage, and begin to learn from all of them. @return false after a report. */
bool lesson_learn(struct lesson *lesson, const ub_settings *settings);

/** How far that has come, 0 to 1, and whether it has ended, well or not. */
double lesson_progress(const struct lesson *lesson);
bool lesson_is_learned(const struct lesson *lesson);

/** Wait for the end of what lesson_learn() began. @param out  A dictionary of one source, set on
    success only. @return what ub_learn() says. */
ub_status lesson_take(struct lesson *lesson, ub_dictionary *out, ub_message *why);

#endif
