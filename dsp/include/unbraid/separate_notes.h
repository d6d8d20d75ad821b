// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_SEPARATE_NOTES_H
#define UNBRAID_SEPARATE_NOTES_H

#include "dictionary.h"
#include "params.h"
#include "parts.h"
#include "separate.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
   Separate a recording by its score: a stem for each part, and "rest" for what the score does not
   have; together they are the recording.

   Each pitch of an instrument has a few templates, for the beginning and the course of a note:
   those of a dictionary that knows the instrument, else a comb of harmonics or, of drums, bands of
   noise. Activations are zero outside of the notes: a template may sound from `tolerance_s` before
   its note to 0.3 s and the tolerance after it, one of a beginning to 0.15 s after the onset, hits
   of drums for 0.6 s, those of cymbals for 1 s. After 30 updates of the activations come 15 of
   activations and templates, by the Kullback-Leibler divergence [1]. Where the score
   lacks something, UB_PARAM_FREE free components learn it in 20 updates of their templates alone,
   in between; without them the rest is what sounds while no note does.

   @param parts         Notes in time with the recording, see ub_notes_align().
   @param tolerance_s   0 to 2: how much notes may be too early or too late; 0.1 is a good start.
   @param dictionaries  n of notes or hits, each with component_pitch; NULL where n is 0. Of those
                        that know an instrument equally well the first is taken; see
                        ub_midi_program() for how the name of a source tells the instrument.
   @param settings      NULL means the default. Window, overlap, free components, mask exponent,
                        seed and threads are heeded.
   @param progress, sink  As in ub_separate(), whose promises on memory, threads and bits hold.
   @return UB_OK; UB_BAD_VALUE (no note within the recording, a dictionary without notes, more than
           8192 templates in a stretch, NaN or infinite samples); UB_BAD_SHAPE, UB_BAD_SETTING,
           UB_NO_MEMORY, UB_CANCELLED, or what the audio or the sink returned.

   [1] Ewert, Muller. Using score-informed constraints for NMF-based source separation. ICASSP 2012.
*/
UB_API UB_MUST_USE ub_status ub_separate_notes(const ub_audio *mix, const ub_parts *parts,
                                               double tolerance_s,
                                               const ub_dictionary *const *dictionaries, size_t n,
                                               const ub_settings *settings,
                                               const ub_progress *progress,
                                               const ub_stem_sink *sink, ub_message *why);

#ifdef __cplusplus
}
#endif
#endif
