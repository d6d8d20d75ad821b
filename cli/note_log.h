// SPDX-License-Identifier: GPL-3.0-or-later
/** The notes that are heard while sound plays: from the audio thread into a MIDI file, or as lines.
 */
#ifndef UNBRAID_CLI_NOTE_LOG_H
#define UNBRAID_CLI_NOTE_LOG_H

#include "unbraid/stream.h"

struct note_log;

struct note_log_settings {
    const char *path; ///< of the MIDI file; "-": lines on standard output, as notes come
    const char *const *names; ///< of the sources; must live as long as the log
    size_t n_sources;
    double rate_hz;
    double delay_s; ///< by how much notes are heard late: taken off the times of the file
};

/** @return NULL after a report. */
struct note_log *note_log_new(const struct note_log_settings *settings);

/** NULL is fine. */
void note_log_free(struct note_log *log);

/** Take what the stream has heard. For the audio thread; what finds no room waits in the stream. */
void note_log_hear(struct note_log *log, ub_stream *stream);

/** Take over what was heard, on the thread that does the rest. Before lines are written, `speak` is
    called, so that they do not run into what a terminal shows. @return false after a report. */
bool note_log_follow(struct note_log *log, void (*speak)(void));

/** End the notes that sound at this sample and write the file. @return false after a report. */
bool note_log_finish(struct note_log *log, uint64_t end);

#endif
