// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Ways to take a recording apart that know beforehand which sources they look for: functions from
   magnitudes to masks. They do no transforms and read no audio; dsp/separate/guided.h does, and
   cuts long recordings into stretches. Private header.
*/
#ifndef UNBRAID_GUIDE_GUIDE_H
#define UNBRAID_GUIDE_GUIDE_H

#include "unbraid/dictionary.h"
#include "unbraid/matrix.h"
#include "unbraid/params.h"

/** A stretch of a recording as a guide sees it. All of it is borrowed and read only. */
typedef struct ub_scene {
    const ub_matrix
        *spectra; ///< n_channels, F x T, T > 0: magnitudes, a full-scale sine is about 1
    size_t n_channels;
    double rate_hz;
    size_t size_samples, hop_samples; ///< of the transform
    size_t first_frame; ///< of the stretch in the recording
    size_t n_frames; ///< of the whole recording
    const ub_dictionary *dictionary; ///< for this rate and window, or NULL
    const ub_settings *settings;
    size_t n_threads;
} ub_scene;

/** Seconds from the start of the recording to the centre of a frame of the stretch. */
static inline double ub_scene_time_s(const ub_scene *scene, size_t frame)
{
    const double ahead = (double)scene->size_samples / 2.0 - (double)scene->hop_samples;
    return ((double)(scene->first_frame + frame) * (double)scene->hop_samples - ahead) /
           scene->rate_hz;
}

/** Frames in so many seconds, rounded, at least one. */
static inline size_t ub_scene_frames(const ub_scene *scene, double seconds)
{
    const double n = seconds * scene->rate_hz / (double)scene->hop_samples + 0.5;
    return n < 1.0 ? 1 : (size_t)n;
}

/** The first bin at or above a frequency, at most F. */
static inline size_t ub_scene_bin(const ub_scene *scene, double hz)
{
    const size_t n_bins = scene->spectra[0].n_rows;
    const double bin = hz * (double)scene->size_samples / scene->rate_hz;
    const size_t whole = (size_t)bin;
    const size_t above = (double)whole < bin ? whole + 1 : whole;
    return above < n_bins ? above : n_bins;
}

/** The sum of the channels, F x T, that the caller frees. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_scene_sum(const ub_scene *scene, ub_matrix *out);

typedef struct ub_guide {
    size_t n_sources; ///< 1 to UB_DICTIONARY_MAX_SOURCES + 1; 0: those of the dictionary
    const char *const *names; ///< of the sources
    bool needs_dictionary;
    /**
       Make masks.
       @param masks  [source * n_channels + channel]: F x T, all zero; gains >= 0 and finite are
                     wanted. Whoever calls divides them by their sum over the sources.
       @return UB_OK, UB_NO_MEMORY, UB_CANCELLED, UB_BAD_VALUE (what the dictionary lacks).
    */
    ub_status (*masks)(const void *context, const ub_scene *scene, const ub_progress *progress,
                       ub_matrix *masks, ub_message *why);
    const void *context; ///< borrowed
    double window_ms; ///< of its own where settings say none; 0: as without a guide
} ub_guide;

/** The guide of a method (UB_METHOD_...), NULL for those that are none. */
const ub_guide *ub_guide_of_method(ub_method method);

#endif
