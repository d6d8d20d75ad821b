// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_TEMPO_H
#define UNBRAID_TEMPO_H

#include "note.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A steady beat. */
typedef struct ub_tempo {
    double bpm; ///< quarter notes per minute, 4 to 1000
    double beat_s; ///< time of a quarter note's beginning; all others are 60 / bpm apart from it
} ub_tempo;

/**
   Estimate the tempo that notes were played in, 60 to 200 bpm: the lag at which their onsets
   resemble themselves most, at it and at twice and three times as much, with a preference for those
   near 120 bpm [1]; made exact by what lies up to 16 beats apart. Beats are where the loudest notes
   begin. Of a tempo that wanders it gives the most usual one, and it may be half or twice what a
   listener would tap.

   @param notes  Read only, in any order. Fewer than four onsets say nothing: 120 bpm, a beat at 0.
   @param bpm    0, or the tempo, 4 to 1000, where it is known: then the beats alone are looked for.
   @return UB_OK, UB_BAD_SETTING (bpm), UB_BAD_VALUE (as ub_notes_check()) or UB_NO_MEMORY. Time
           grows with the notes.

   [1] Ellis. Beat tracking by dynamic programming. Journal of New Music Research 36(1), 2007.
*/
UB_API UB_MUST_USE ub_status ub_tempo_estimate(const ub_notes *notes, double bpm, ub_tempo *tempo,
                                               ub_message *why);

/**
   Move onsets and offsets to the nearest lines of a grid, and the whole by less than a beat, so
   that beats fall on the quarter notes of a MIDI file of that tempo (see ub_midi_tempo()). Notes
   last one step or more. Of notes of one source and pitch that come to the same line one is left,
   with the later offset and the higher velocity.

   @param steps  Lines per whole note, 4 to 192, a multiple of 4: 16 for sixteenth notes, 12 for
                 triplets of eighths.
   @param notes  Changed, and sorted.
   @return UB_OK, UB_BAD_SETTING (steps, tempo), UB_BAD_VALUE; then nothing has changed.
*/
UB_API UB_MUST_USE ub_status ub_notes_quantise(ub_notes *notes, const ub_tempo *tempo,
                                               unsigned steps, ub_message *why);

#ifdef __cplusplus
}
#endif
#endif
