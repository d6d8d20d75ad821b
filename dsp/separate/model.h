// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What a separation knows of a recording before it makes stems: templates, gains, who belongs to
   whom, and either activations or the means to compute them frame by frame. Private header.
*/
#ifndef UNBRAID_SEPARATE_MODEL_H
#define UNBRAID_SEPARATE_MODEL_H

#include "front.h"
#include "limits.h"
#include "unbraid/nmf.h"

typedef struct ub_model {
    ub_nmf_factors factors; ///< activations are empty when they come frame by frame
    ub_matrix reconstruction; ///< templates for the masks: bins x K, or empty when they are the
                              ///< first rows of the factors' templates
    size_t n_sources;
    size_t *component_source; ///< K
    ub_matrix shares; ///< n_sources x K of blind components; else empty, and each is one source's
    char **names; ///< n_sources
    ub_nmf_settings activation; ///< how to compute activations frame by frame
    ub_nmf_settings smoothing; ///< how to fit them with continuity afterwards; 0 there: not at all
} ub_model;

/** Free what the model owns. Half-built ones are fine. */
void ub_model_free(ub_model *model);

/** Sources that blind components are grouped into. */
size_t ub_model_blind_sources(const ub_settings *settings);

/** The name of the source that free components make. */
const char *ub_model_rest_name(const ub_settings *settings);

/** The transform for these settings: the dictionary's own window in seconds, or the settings'. */
ub_stft_settings ub_model_transform(const ub_dictionary *dictionary, const ub_settings *settings,
                                    double rate_hz);

/**
   Fit a model to the audio behind `front`: blind when dictionary is NULL, otherwise with its
   templates (which must be for this very transform), and free components when the settings ask.
   The templates are stacked with the context of the front.

   Where the spectra are within the limits, blind models, free components and continuity are fitted
   to the whole recording. Else they are learned from a sample of it, and the activations are left
   to be computed, as they always are with a dictionary alone.
   @return as ub_separate().
*/
ub_status ub_model_new(ub_front *front, const ub_dictionary *dictionary,
                       const ub_settings *settings, const ub_limits *limits,
                       const ub_progress *progress, ub_model *out, ub_message *why);

/** The share of a separation's time that the fit takes, roughly. */
double ub_model_share(const ub_front *front, const ub_dictionary *dictionary,
                      const ub_settings *settings, const ub_limits *limits);

#endif
