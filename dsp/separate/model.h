// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What a separation knows of a recording before it makes stems: templates, gains, who belongs to
   whom, and either activations or the means to compute them frame by frame. Private header.
*/
#ifndef UNBRAID_SEPARATE_MODEL_H
#define UNBRAID_SEPARATE_MODEL_H

#include "front.h"
#include "unbraid/nmf.h"

typedef struct ub_model {
    ub_nmf_factors factors; ///< activations are empty when they come frame by frame
    size_t n_sources;
    size_t *component_source; ///< K
    char **names; ///< n_sources
    ub_nmf_settings activation; ///< how to compute activations frame by frame
} ub_model;

/** Free what the model owns. Half-built ones are fine. */
void ub_model_free(ub_model *model);

/** The transform for these settings: the dictionary's own window in seconds, or the settings'. */
ub_stft_settings ub_model_transform(const ub_dictionary *dictionary, const ub_settings *settings,
                                    double rate_hz);

/**
   Fit a model to the audio behind `front`: blind when dictionary is NULL, otherwise with its
   templates (which must be for this very transform), and free components when the settings ask.
   @return as ub_separate().
*/
ub_status ub_model_new(ub_front *front, const ub_dictionary *dictionary,
                       const ub_settings *settings, const ub_progress *progress, ub_model *out,
                       ub_message *why);

/** Settings of a factorisation from parameters. `sparsity` and `continuity` there have no unit:
   they are scaled here by the mean of the spectra and the sums of the templates (0: unit-L1). */
ub_nmf_settings ub_model_nmf_settings(const ub_settings *settings, const ub_matrix *spectra,
                                      size_t n_channels);

/** Magnitudes of all frames, one matrix per channel; free each and the array. */
ub_status ub_model_read_spectra(ub_front *front, const ub_progress *progress, ub_matrix **spectra,
                                ub_message *why);
void ub_model_free_spectra(ub_matrix *spectra, size_t n_channels);

/** A listener that sees the fractions 0 to 1 of a part as `from` to `to` of the whole. */
typedef struct ub_part {
    const ub_progress *whole;
    double from, to;
} ub_part;
ub_progress ub_part_progress(ub_part *part);

#endif
