// SPDX-License-Identifier: GPL-3.0-or-later
/** Templates for the masks, learned on mixes of the sources. Private header. */
#ifndef UNBRAID_SEPARATE_RECONSTRUCTION_H
#define UNBRAID_SEPARATE_RECONSTRUCTION_H

#include "dictionary/context.h"
#include "unbraid/separate.h"
#include "unbraid/stft.h"

/**
   Give a dictionary the reconstruction templates that suit its sources mixed with each other.

   The recordings of each source, one after the other and over again up to the longest, are added
   up, and the dictionary's templates are fitted to the sum as they will be when it separates. With
   those activations held, the templates of each source are then fitted to the source alone: what
   they take from others is left out, and what others take from them is made up for. It is the
   second half of discriminative NMF (Weninger et al. 2014), for the divergence instead of the
   distance.

   @param sources  dictionary->n_sources of them, at least 2.
   @param context  That of the dictionary, or NULL without.
   @return as ub_learn(). The dictionary's reconstruction is set on success only.
*/
ub_status ub_learn_reconstruction(const ub_training *sources, const ub_stft *stft,
                                  const ub_context *context, const ub_settings *settings,
                                  const ub_progress *progress, ub_dictionary *dictionary,
                                  ub_message *why);

#endif
