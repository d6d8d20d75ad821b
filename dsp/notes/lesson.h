// SPDX-License-Identifier: GPL-3.0-or-later
/** Frames of recordings to learn notes from. Private header. */
#ifndef UNBRAID_NOTES_LESSON_H
#define UNBRAID_NOTES_LESSON_H

#include "unbraid/learn_notes.h"
#include "unbraid/stft.h"

/** Told of each frame: the time of its middle, and the mean of its channels' magnitudes (n_bins).
 */
typedef void (*ub_frame_visitor)(void *context, size_t frame, double time_s,
                                 const float *magnitude);

/** The transform for templates of notes at a sample rate: Hann, 186 ms, eight frames a sample. */
ub_stft_settings ub_lesson_transform(double rate_hz);

/** Whether it has a sample rate and channels. @return UB_OK or UB_BAD_SHAPE. */
ub_status ub_lesson_check(const ub_audio *audio, ub_message *why);

/** Visit all frames in their order. @return as ub_learn_notes(). */
ub_status ub_lesson_visit(const ub_audio *audio, const ub_settings *settings,
                          const ub_progress *progress, ub_frame_visitor visit, void *context,
                          ub_message *why);

#endif
