// SPDX-License-Identifier: GPL-3.0-or-later
/** The stems of a track on their way from the disk to the audio thread, by a thread of its own. */
#ifndef UNBRAID_CLI_STEM_READER_H
#define UNBRAID_CLI_STEM_READER_H

#include "tracks.h"

#include <unbraid/mix.h>

#include <stdint.h>

struct stem_reader_settings {
    const struct track_list *tracks; ///< must stay until the reader is freed
    double start_s; ///< where the passage begins that is played
    double seconds; ///< how long it is; 0 for the rest
    bool loops; ///< over and over
};

struct stem_reader;

/** Open all files. All must have one rate, and one or two channels.
    @return false after a report. */
bool stem_reader_open(const struct stem_reader_settings *settings, struct stem_reader **out);

/** Start the thread, and wait until there is much to play. @return false after a report. */
bool stem_reader_start(struct stem_reader *reader);

/** End the thread and close the files, when the audio thread has ended. NULL is fine. */
void stem_reader_free(struct stem_reader *reader);

double stem_reader_rate_hz(const struct stem_reader *reader);
size_t stem_reader_n_stems(const struct stem_reader *reader);

/** 2 when any stem has two; those with one are in both. */
size_t stem_reader_n_channels(const struct stem_reader *reader);

/** Frames of the longest stem. */
uint64_t stem_reader_length(const struct stem_reader *reader);

/** The frame that is played next. */
uint64_t stem_reader_position(const struct stem_reader *reader);

/** Go on that many frames later (earlier when negative), within the passage: before its first is
    the first, behind its last the end, or in a loop the first again. */
void stem_reader_skip(struct stem_reader *reader, int64_t n_frames);

/** Whether all could be read, up to the end or to where it was interrupted. Once the sound has
    ended. @return false after a report. */
bool stem_reader_is_good(const struct stem_reader *reader);

/** For the audio thread, as all below: frames that lie side by side and can be played.
    @param stems  [stem * n_channels + channel], set to where they begin. */
UB_RT size_t stem_reader_look(const struct stem_reader *reader, const float **stems);

/** So many of them have been played. */
UB_RT void stem_reader_pass(struct stem_reader *reader, size_t n);

/** Whether stem_reader_look() will find no more. */
UB_RT bool stem_reader_has_ended(const struct stem_reader *reader);

/** Whether it wants to go on elsewhere: let the sound fade out, then call the other. */
UB_RT bool stem_reader_wants_to_leave(const struct stem_reader *reader);

/** The sound is off: it may leave, if it wants to. Until it has arrived it wants to leave, and
    there is nothing to look at. */
UB_RT void stem_reader_let_go(struct stem_reader *reader);

#endif
