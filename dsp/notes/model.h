// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What transcription knows of a recording before it looks for notes: templates that were adapted
   to it, and how loud it is. Private header.
*/
#ifndef UNBRAID_NOTES_MODEL_H
#define UNBRAID_NOTES_MODEL_H

#include "dictionary/keys.h"
#include "spectra.h"
#include "unbraid/nmf.h"

enum {
    UB_NOTE_CELL_FRAMES = 64 ///< frames that share a choice of templates: 1.5 s
};

typedef struct ub_note_model {
    const ub_keys *keys; ///< borrowed
    const ub_note_bands *bands; ///< borrowed
    ub_matrix templates; ///< bands x (K + noises), adapted
    float gain; ///< from magnitudes to the level of the model; 0 for silence
    double loudness; ///< flux of the loudest onsets, see ub_note_tracker; 0 for silence
    double
        divergence; ///< Itakura-Saito, of the sample from its fit, a band and frame; 0 for silence
} ub_note_model;

/** What computes activations with a model: shared by threads, which each have their work. */
typedef struct ub_note_listener ub_note_listener;

/**
   Fit a model to a sample of a recording.
   @param heard   Bands x frames, as they were heard; brought to the level of the model.
   @param gates   Of these frames.
   @param templates  From ub_note_templates(). Taken over, whatever is returned.
   @param lag     Of the flux, in frames.
   @return UB_OK, UB_NO_MEMORY, UB_CANCELLED.
*/
ub_status ub_note_model_new(const ub_keys *keys, const ub_note_bands *bands, ub_matrix *templates,
                            const ub_nmf_settings *settings, size_t lag,
                            const ub_progress *progress, ub_matrix *heard, const float *gates,
                            ub_note_model *out);
void ub_note_model_free(ub_note_model *model);

ub_status ub_note_listener_new(const ub_keys *keys, const ub_note_bands *bands,
                               const ub_matrix *templates, const ub_nmf_settings *settings,
                               ub_note_listener **out);
void ub_note_listener_free(ub_note_listener *listener);

/**
   Activations of all templates, cell by cell.
   @param spectra      Bands x frames, at the level of the model; frame 0 begins a cell.
   @param activations  (K + noises) x frames: out.
   @param chosen       Per cell as many flags as templates, out; or NULL.
   @param n_updates    On bands; 0: only the start, from which others go on.
*/
void ub_note_listener_run(ub_note_listener *listener, const ub_matrix *spectra, size_t n,
                          size_t n_updates, ub_matrix *activations, bool *chosen);

#endif
