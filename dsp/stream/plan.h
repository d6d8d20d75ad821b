// SPDX-License-Identifier: GPL-3.0-or-later
/** The work of a frame, cut into steps that are due at samples of a hop. Private header. */
#ifndef UNBRAID_STREAM_PLAN_H
#define UNBRAID_STREAM_PLAN_H

#include <stdbool.h>
#include <stddef.h>

/** In the order in which they run. Without a model there are transforms and stems only. */
typedef enum ub_step_kind {
    UB_STEP_CARRY, ///< some templates of the rest that were learned before the model came
    UB_STEP_ANALYSE, ///< a channel
    UB_STEP_BEGIN, ///< the activations
    UB_STEP_UPDATE, ///< all activations, once
    UB_STEP_TRACK, ///< the notes in them
    UB_STEP_MASK, ///< all masks
    UB_STEP_STEM, ///< one channel of a source
    UB_STEP_HEAR, ///< what the rest learns from
    UB_STEP_LEARN, ///< some templates of the rest
} ub_step_kind;

enum { UB_STEP_KINDS = UB_STEP_LEARN + 1 };

typedef struct ub_step {
    ub_step_kind kind;
    size_t index; ///< among those of its kind
    size_t due; ///< at this sample of the hop
} ub_step;

/** What a plan is made from. */
typedef struct ub_plan_shape {
    size_t counts[UB_STEP_KINDS]; ///< steps of each kind
    size_t hop, size, n_bins, n_components, n_sources;
    size_t n_rows; ///< of the templates: the bins, and with context the bands below them
    size_t n_learned; ///< templates of a step that carries or learns
} ub_plan_shape;

enum {
    UB_PLAN_MOST_STEPS = 192 ///< 2 channels + 1 + 50 updates + 1 + 16 x 2 stems + 1 + 2 x 16 of the
                             ///< rest, and some
};

typedef struct ub_plan {
    size_t n_steps;
    ub_step steps[UB_PLAN_MOST_STEPS];
} ub_plan;

/** A step is due when the share of the hop that has come in is that of the work before it.
    Real-time safe. */
void ub_plan_make(const ub_plan_shape *shape, ub_plan *out);

#endif
