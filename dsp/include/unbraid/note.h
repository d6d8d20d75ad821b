// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_NOTE_H
#define UNBRAID_NOTE_H

#include "status.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One note that was played. */
typedef struct ub_note {
    double onset_s; ///< seconds from the start of the recording, >= 0
    double offset_s; ///< >= onset_s
    int pitch; ///< MIDI note number 0 to 127, 69 is the A of 440 Hz; of drums a General MIDI key
    int velocity; ///< 1 to 127, the loudest
    size_t source; ///< index into the names of sources that go with the notes
    double pitch_hz; ///< frequency that was heard, or ub_pitch_hz(); 0 where it has none (drums)
} ub_note;

/** A list that grows. A zeroed one is empty. The owner of the struct owns `notes`. */
typedef struct ub_notes {
    ub_note *notes; ///< n of them
    size_t n;
    size_t capacity; ///< notes that fit before `notes` has to grow
} ub_notes;

/** Frequency of a MIDI note number in equal temperament, A = 440 Hz. */
UB_API UB_RT double ub_pitch_hz(double pitch);

/** Put a note at the end; it is copied. @return UB_OK, or UB_NO_MEMORY and nothing has changed. */
UB_API UB_MUST_USE ub_status ub_notes_append(ub_notes *notes, const ub_note *note);

/** Sort by onset, then pitch, then source, offset and velocity: the order in which every function
    gives its notes, and which depends on the notes alone. */
UB_API void ub_notes_sort(ub_notes *notes);

/** Move notes in time, and sort them. Those that would end before 0 are dropped, and those that
   would begin before it begin there. @param by_s  Finite. */
UB_API void ub_notes_shift(ub_notes *notes, double by_s);

/** Whether every note keeps what is written beside the fields of ub_note, except the source, which
    only the caller knows. @return UB_OK, or UB_BAD_VALUE naming the first that does not. */
UB_API UB_MUST_USE ub_status ub_notes_check(const ub_notes *notes, ub_message *why);

/** Free what the list owns and empty it. NULL and a zeroed one are fine. */
UB_API void ub_notes_free(ub_notes *notes);

#ifdef __cplusplus
}
#endif
#endif
