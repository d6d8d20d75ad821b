// SPDX-License-Identifier: GPL-3.0-or-later
/** What is inside a model of a stream. Private header. */
#ifndef UNBRAID_STREAM_STREAM_MODEL_H
#define UNBRAID_STREAM_STREAM_MODEL_H

#include "dictionary/context.h"
#include "factor/learner.h"
#include "hearing.h"
#include "past.h"
#include "unbraid/mask.h"
#include "unbraid/nmf.h"
#include "unbraid/stft.h"
#include "unbraid/stream.h"

enum {
    UB_STREAM_BATCH = 4 ///< templates of the rest that are brought up to date at a time
};

struct ub_stream_model {
    ub_stft_settings transform; // that it was made for
    double beta;
    size_t n_sources, n_components, n_bins;
    ub_context context; // frames before, when the dictionary has some; zeroed without
    size_t n_rows; // of a frame: its bins, and the bands of those frames
    ub_matrix stack; // n_rows x 1: the frame
    char (*names)[UB_DICTIONARY_MAX_NAME + 1];
    ub_activator *activator;
    ub_masker *masker;
    // Templates sum to one: an activation times its gain is the level of its component. Gains give
    // templates the norm one that sparsity wants; without it they are one.
    ub_matrix gains; // 1 x K
    bool is_sparse;
    float penalty; // of this frame
    ub_matrix activations; // K x 1: those of the frame before, then of this one
    float *work; // for both
    float *masks; // n_sources x mask_stride
    size_t mask_stride;

    ub_hearing hearing; // of its notes

    // The rest: the last components, in batches; each frame teaches the next few of them.
    size_t n_free;
    ub_learner *learner; // NULL when n_free is 0
    size_t batches_per_frame, next_batch;
    double forgetting; // share of what a template has learned that goes when it learns
    double level; // of the frame
    double usual_level; // over the forgetting time
    float *model; // of the frame
};

/** The transform that a stream of these settings, which are checked, works with. */
ub_stft_settings ub_stream_transform(const ub_stream_settings *settings);

/** Updates of a frame: those of the settings, or as the mode needs. */
size_t ub_stream_updates(const ub_stream_settings *settings);

/** Samples of a frame that its synthesis window does not make zero: the last so many. */
size_t ub_stream_support(const ub_stft_settings *transform);

/** Begin a frame: bring the activations to its level and mix them with equal ones, without which
    what has died could not come back. `past` holds the frames before. Real-time safe, like all
    below. */
void ub_stream_model_begin(ub_stream_model *model, const float *magnitudes, const ub_past *past,
                           size_t n_updates);

/** One update for the frame. */
void ub_stream_model_update(ub_stream_model *model);

/** Track the notes of the frame, which became known at `sample`. */
void ub_stream_model_track(ub_stream_model *model, uint64_t sample, ub_note_queue *queue);

/** Masks of all sources for the frame: mask of source j from masks + j * mask_stride on. */
void ub_stream_model_mask(ub_stream_model *model);

/** Batches that the rest is made of. */
size_t ub_stream_model_batches(const ub_stream_model *model);

/** Let the rest take in the frame. */
void ub_stream_model_hear(ub_stream_model *model);

/** Let the next batch of the rest learn from the frame. */
void ub_stream_model_learn(ub_stream_model *model);

/** Exchange what two models, which may be NULL, have learned of the rest, if both can use it.
    @return whether they have: then each must be given its batches by ub_stream_model_carry(). */
bool ub_stream_model_exchange_rest(ub_stream_model *model, ub_stream_model *other);

/** Copy one batch of what was learned to where it is used. */
void ub_stream_model_carry(ub_stream_model *model, size_t batch);

/** Forget the last frame and all that was learned. */
void ub_stream_model_forget(ub_stream_model *model);

#endif
