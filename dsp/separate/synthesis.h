// SPDX-License-Identifier: GPL-3.0-or-later
/**
   The last part of a separation: from templates and activations through masks to stems, block by
   block, so that neither spectra nor stems of the whole signal ever exist at once. Private header.
*/
#ifndef UNBRAID_SEPARATE_SYNTHESIS_H
#define UNBRAID_SEPARATE_SYNTHESIS_H

#include "front.h"
#include "guided.h"
#include "smoother.h"
#include "unbraid/mask.h"
#include "unbraid/nmf.h"

/** What to make stems with. Borrowed. */
typedef struct ub_recipe {
    ub_guided *guided; ///< gives the masks, or NULL: then they are those of a factorisation
    const ub_masker *masker;
    size_t n_sources;
    const char *const *names;
    size_t n_components;
    const ub_matrix *activations; ///< K x T of the whole signal, or NULL: block by block then
    ub_smoother *smoother; ///< gives them, or NULL:
    const ub_activator *activator; ///< then this one does, frame by frame
    size_t n_rounds; ///< of the multichannel Wiener filter; the audio is read once more for each
    bool rank_one; ///< its sources are points
} ub_recipe;

/**
   Read the audio again, mask it and hand the stems to the sink.
   @param progress  Reported as `stage` "resynthesise" from `from` to 1.
   @return as ub_separate(); UB_BAD_SETTING where the filter has too many channels.
*/
ub_status ub_synthesise(ub_front *front, const ub_recipe *recipe, const ub_progress *progress,
                        double from, const ub_stem_sink *sink, ub_message *why);

#endif
