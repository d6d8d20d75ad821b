// SPDX-License-Identifier: GPL-3.0-or-later
/** A small instrument made from a formula, and the dictionary of its notes. */
#ifndef UNBRAID_TESTS_NOTE_CASE_H
#define UNBRAID_TESTS_NOTE_CASE_H

#include "synth.h"
#include "unbraid/note.h"

enum {
    NOTE_CASE_LOWEST = 48, ///< MIDI note number of the lowest key
    NOTE_CASE_KEYS = 25
};

/** Add a note to a sound: six partials that decay, and are damped at its offset. The velocity
    counts as in ub_note: 40 dB from 12.7 to 127. */
void note_case_play(synth *sound, const ub_note *note);

/** A sound of that many seconds with these notes. */
synth *note_case_sound(size_t n_channels, double seconds, double rate_hz, const ub_note *notes,
                       size_t n);

/** An attack and a sustain of every key, learned at this rate. Aborts when there is no memory. */
ub_dictionary note_case_dictionary(double rate_hz);

#endif
