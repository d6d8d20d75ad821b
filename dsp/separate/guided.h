// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Masks of a guide for a recording of any length: it is cut into stretches that overlap, and where
   they do the masks of one are faded into those of the next. Private header.
*/
#ifndef UNBRAID_SEPARATE_GUIDED_H
#define UNBRAID_SEPARATE_GUIDED_H

#include "front.h"
#include "guide/guide.h"
#include "limits.h"

typedef struct ub_guided ub_guided;

/**
   @param front, guide  Borrowed. The front has no context.
   @param scene         What holds for the whole recording: dictionary and settings; borrowed.
   @param n_sources     The guide's, or the dictionary's.
   @param n_frames      Of a stretch, at most; at least 2.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_guided_new(ub_front *front, const ub_guide *guide, const ub_scene *scene,
                        size_t n_sources, size_t n_frames, ub_guided **out, ub_message *why);

/** NULL is fine. */
void ub_guided_free(ub_guided *guided);

/** Begin again with frame 0: the same masks once more. */
void ub_guided_rewind(ub_guided *guided);

/** The share of the work that is done when the stems of all frames before this one are made: most
    of it is the guide's, at the start of each stretch. */
double ub_guided_done(const ub_guided *guided, size_t frame);

/**
   Masks of frames [first, first + n), after those before them and each once.
   Where a guide gives nothing for a bin, or what is not finite, all sources have equal shares.

   @param masks  [(channel * n_sources + source) * stride_frames + frame] columns of `stride`
   floats.
   @return what the audio or the guide says.
*/
ub_status ub_guided_run(ub_guided *guided, size_t first, size_t n, const ub_progress *progress,
                        float *masks, size_t stride_frames, size_t stride, ub_message *why);

/** ub_separate() by a guide, with settings and dictionary that have been checked. With a dictionary
    the transform is its own, else that of the settings. */
ub_status ub_separate_by_guide(const ub_limits *limits, const ub_audio *mix, const ub_guide *guide,
                               const ub_dictionary *dictionary, const ub_settings *settings,
                               const ub_progress *progress, const ub_stem_sink *sink,
                               ub_message *why);

#endif
