// SPDX-License-Identifier: GPL-3.0-or-later
/** The last frames of a stream in bands, for templates that know what comes before them. It belongs
    to the stream and not to a model, so that the next one finds it filled. Private header. */
#ifndef UNBRAID_STREAM_PAST_H
#define UNBRAID_STREAM_PAST_H

#include "factor/bands.h"

typedef struct ub_past {
    ub_bands bands;
    ub_matrix frames; ///< a ring: column per frame
    size_t newest;
} ub_past;

/** Frames of a transform with this hop that a stream keeps: those of the last 0.2 s. */
size_t ub_past_frames(double hop_s);

/** @return UB_OK or UB_NO_MEMORY. */
ub_status ub_past_new(size_t n_bins, size_t n_frames, ub_past *out);
void ub_past_free(ub_past *past);

/** Silence. Real-time safe, like all below. */
void ub_past_clear(ub_past *past);

/** Take in a frame. */
void ub_past_add(ub_past *past, const float *magnitudes);

/** The bands of the frame `back` frames ago: 1 is the newest, the number of frames the oldest. */
const float *ub_past_frame(const ub_past *past, size_t back);

#endif
