// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Which templates a score calls for in a stretch of a recording, and when each may sound. Private
   header.
*/
#ifndef UNBRAID_GUIDE_NOTE_PLAN_H
#define UNBRAID_GUIDE_NOTE_PLAN_H

#include "guide.h"
#include "note_bank.h"
#include "unbraid/parts.h"

enum {
    UB_NOTE_CELL = 32, ///< frames that share a choice of templates
    UB_NOTE_PLAN_MOST = 8192, ///< templates of a stretch
};

/** What holds for all stretches. Borrowed. */
typedef struct ub_note_orders {
    const ub_parts *parts;
    const ub_note_bank *bank;
    double tolerance_s; ///< notes may be so much too early or too late
    size_t n_free; ///< free components for what the score does not have
} ub_note_orders;

typedef struct ub_note_plan {
    size_t n_components; ///< K, the first n_free of them free
    ub_matrix templates; ///< F x K, of sum one
    ub_matrix activations; ///< K x T: a start, above zero where a template may sound
    bool *chosen; ///< cell by cell K flags: whether it may sound in the cell
    size_t *part; ///< K: whose it is; the number of parts for the free ones
} ub_note_plan;

/**
   A template may sound from `tolerance_s` before its note to 0.3 s and `tolerance_s` after it; one
   of a beginning to 0.15 s after the onset; of drums to 0.6 s after, of those that ring to 1 s.

   @param level  T: of each frame the sum of its magnitudes, which the start is brought to.
   @return UB_OK, UB_BAD_VALUE (more than UB_NOTE_PLAN_MOST templates), UB_NO_MEMORY.
*/
ub_status ub_note_plan_new(const ub_note_orders *orders, const ub_scene *scene, const double *level,
                           ub_note_plan *out, ub_message *why);

/** A zeroed one is fine. */
void ub_note_plan_free(ub_note_plan *plan);

#endif
