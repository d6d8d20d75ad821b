// SPDX-License-Identifier: GPL-3.0-or-later
/** A small drum kit made from formulas, and the dictionary of its hits. */
#ifndef UNBRAID_TESTS_DRUM_CASE_H
#define UNBRAID_TESTS_DRUM_CASE_H

#include "synth.h"
#include "unbraid/note.h"

enum { DRUM_CASE_KICK = 36, DRUM_CASE_CLOSED = 42, DRUM_CASE_OPEN = 46 };

/** A sound of that many seconds with these hits; pitches are the keys above, and 127 is full scale
    that falls with the square of the velocity. */
synth *drum_case_sound(size_t n_channels, double seconds, double rate_hz, const ub_note *hits,
                       size_t n);

/** "kick" with its key and "hats" with both of theirs, templates of 10 frames, 44.1 kHz. Aborts
    when there is no memory. */
ub_dictionary drum_case_dictionary(void);

#endif
