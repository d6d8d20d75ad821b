// SPDX-License-Identifier: GPL-3.0-or-later
/**
   A guide that has the score: every part is a source, and "rest" is what the score does not have.

   Each note of the score has templates of its pitch, whose activations are zero but around it; a
   factorisation adapts the templates to the recording [1]. Private header.

   [1] Ewert, Muller. Using score-informed constraints for NMF-based source separation. ICASSP 2012.
*/
#ifndef UNBRAID_GUIDE_NOTE_GUIDE_H
#define UNBRAID_GUIDE_NOTE_GUIDE_H

#include "note_plan.h"

/** @param names  Room for the names of all parts and "rest". @param orders, names  Borrowed. */
ub_guide ub_note_guide(const ub_note_orders *orders, const char **names);

#endif
