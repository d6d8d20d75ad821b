// SPDX-License-Identifier: GPL-3.0-or-later
/** What is inside a model of a stream. Private header. */
#ifndef UNBRAID_STREAM_STREAM_MODEL_H
#define UNBRAID_STREAM_STREAM_MODEL_H

#include "unbraid/mask.h"
#include "unbraid/nmf.h"
#include "unbraid/stft.h"
#include "unbraid/stream.h"

struct ub_stream_model {
    ub_stft_settings transform; // that it was made for
    size_t n_sources, n_components, n_bins;
    char (*names)[UB_DICTIONARY_MAX_NAME + 1];
    ub_activator *activator;
    ub_masker *masker;
    ub_matrix activations; // K x 1: those of the frame before, then of this one
    float *work; // for both
    float *masks; // n_sources x mask_stride
    size_t mask_stride;
};

/** The transform that a stream of these settings, which are checked, works with. */
ub_stft_settings ub_stream_transform(const ub_stream_settings *settings);

/** Samples of a frame that its synthesis window does not make zero: the last so many. */
size_t ub_stream_support(const ub_stft_settings *transform);

/** Begin a frame: bring the activations to its level and mix them with equal ones, without which
    what has died could not come back. Real-time safe, like all below. */
void ub_stream_model_begin(ub_stream_model *model, const ub_matrix *magnitudes, size_t n_updates);

/** One update for the frame. */
void ub_stream_model_update(ub_stream_model *model, const ub_matrix *magnitudes);

/** Masks of all sources for the frame: mask of source j from masks + j * mask_stride on. */
void ub_stream_model_mask(ub_stream_model *model);

#endif
