// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan.h"

#include <assert.h>
#include <math.h>

// Only the proportions matter: those that were measured at 64 components and windows of 4480
// samples.
static double cost_of(const ub_plan_shape *shape, ub_step_kind kind)
{
    const double size = (double)shape->size, bins = (double)shape->n_bins;
    const double rows = (double)shape->n_rows;
    const double components = (double)shape->n_components;
    const double sources = (double)shape->n_sources;
    switch (kind) {
    case UB_STEP_ANALYSE:
        return 7.0 * size * log2(size);
    case UB_STEP_BEGIN:
        return 70.0 * bins + 4.0 * components;
    case UB_STEP_UPDATE:
        return 4.0 * rows * (components + 8.0);
    case UB_STEP_TRACK:
        return 40.0 * components;
    case UB_STEP_MASK:
        return 3.0 * bins * (components + 8.0 * sources);
    case UB_STEP_HEAR:
        return 4.0 * rows * (components + 8.0);
    case UB_STEP_CARRY:
        return 40.0 * rows * (double)shape->n_learned;
    case UB_STEP_LEARN:
        return 90.0 * rows * (double)shape->n_learned;
    case UB_STEP_STEM:
    default:
        return 7.0 * size * log2(size) + 8.0 * size;
    }
}

void ub_plan_make(const ub_plan_shape *shape, ub_plan *out)
{
    double total = 0.0, done = 0.0;
    out->n_steps = 0;
    for (size_t kind = 0; kind < UB_STEP_KINDS; kind++) {
        total += (double)shape->counts[kind] * cost_of(shape, (ub_step_kind)kind);
        out->n_steps += shape->counts[kind];
    }
    assert(out->n_steps <= UB_PLAN_MOST_STEPS);
    ub_step *step = out->steps;
    for (size_t kind = 0; kind < UB_STEP_KINDS; kind++) {
        for (size_t i = 0; i < shape->counts[kind]; i++) {
            const size_t due = (size_t)(done / total * (double)shape->hop);
            *step++ = (ub_step){(ub_step_kind)kind, i, due};
            done += cost_of(shape, (ub_step_kind)kind);
        }
    }
}
