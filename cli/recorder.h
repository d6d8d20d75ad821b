// SPDX-License-Identifier: GPL-3.0-or-later
/** Input and stems of a live stream on their way to the disk, by a thread of its own. */
#ifndef UNBRAID_CLI_RECORDER_H
#define UNBRAID_CLI_RECORDER_H

#include <unbraid/stream.h>

#include <stdint.h>

struct recorder_settings {
    const char *folder;
    double rate_hz;
    size_t n_channels;
    const char *const *names; ///< of the sources
    size_t n_sources;
    size_t latency; ///< samples by which stems come later than the input: they are written so that
                    ///< they fit to it
};

struct recorder;

/** Begin a file for the input and one for each source, and start the thread.
    @return false after a report. */
bool recorder_start(const struct recorder_settings *settings, struct recorder **out);

/** Take frames: [channel] of the input, and [source * n_channels + channel] of the stems. For the
    audio thread. What finds no room is silence in the files, and counted. */
void recorder_push(struct recorder *recorder, const float *const *in, float *const *stems,
                   size_t n);

/** The input has ended: what comes now is the end of the stems. Called between pushes, when the
    audio thread has ended. */
void recorder_end_input(struct recorder *recorder);

/** Wait until that many frames find room, unless nothing is written any more. */
void recorder_wait(struct recorder *recorder, size_t n);

/** Write what is left, and give the files their names. @return false after a report; then there are
    no files. */
bool recorder_finish(struct recorder *recorder);

/** Without recorder_finish() the files disappear. NULL is fine. */
void recorder_free(struct recorder *recorder);

#endif
