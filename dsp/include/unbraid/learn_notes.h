// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_LEARN_NOTES_H
#define UNBRAID_LEARN_NOTES_H

#include "dictionary.h"
#include "note.h"
#include "params.h"
#include "separate.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A recording of one instrument, and what it plays. Borrowed. */
typedef struct ub_note_lesson {
    ub_audio audio; ///< all of a call have one sample rate
    const ub_notes *notes; ///< in time with it to about 20 ms; offsets when the sound ends. NULL:
                           ///< single notes one after the other, a scale; which they are is found
                           ///< out by ub_scale_find()
} ub_note_lesson;

/**
   Learn the notes of one instrument: a dictionary of one source with four templates for each key,
   for the first 52 ms of its notes, up to 0.17 s, up to 0.52 s and after; and the same, moved along
   the logarithm of frequency, for keys between those that are played.

   Each frame is explained by the templates of the notes that sound in it, and by no others: a
   non-negative factorisation by the Kullback-Leibler divergence with activations that are zero
   outside of the notes [1]. Where a note sounds alone, its templates come to be means of its
   frames. Stretches before a note begins in which the window hears it already are left out; of
   recordings beyond 200 MB of magnitudes, frames are.

   @param name      Of the source, see ub_name_check().
   @param lessons   n of them, n >= 1.
   @param settings  NULL means the default; UB_PARAM_THREADS is used.
   @param licence, origin  Stored in the dictionary; NULL means "".
   @param progress  Its stages: "read", "analyse" and "factorise", and for scales "find".
   @param out       Set on success only; the caller frees it with ub_dictionary_free().
   @return UB_OK, UB_BAD_SHAPE, UB_BAD_SETTING, UB_BAD_VALUE (no note is heard; NaN or infinite
           samples; notes out of range), UB_NO_MEMORY, UB_CANCELLED, or what the audio returned.

   [1] Ewert, Muller. Using score-informed constraints for NMF-based source separation. ICASSP 2012.
*/
UB_API UB_MUST_USE ub_status ub_learn_notes(const char *name, const ub_note_lesson *lessons,
                                            size_t n, const ub_settings *settings,
                                            const char *licence, const char *origin,
                                            const ub_progress *progress, ub_dictionary *out,
                                            ub_message *why);

/**
   The notes of a recording of single notes one after the other, such as a chromatic scale. Onsets
   are where most of the spectrum is new; pitches are the most likely path through the saliences of
   harmonic series, on which steps of a semitone are likelier than others.

   @param notes  The notes, sorted, are added to it: nothing after a failure. Velocities are 64.
   @return as ub_learn_notes().
*/
UB_API UB_MUST_USE ub_status ub_scale_find(const ub_audio *audio, const ub_settings *settings,
                                           const ub_progress *progress, ub_notes *notes,
                                           ub_message *why);

#ifdef __cplusplus
}
#endif
#endif
