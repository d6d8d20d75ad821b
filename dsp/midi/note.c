// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/note.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

double ub_pitch_hz(double pitch)
{
    return 440.0 * exp2((pitch - 69.0) / 12.0);
}

ub_status ub_notes_append(ub_notes *notes, const ub_note *note)
{
    if (notes->n == notes->capacity) {
        const size_t capacity = notes->capacity ? 2 * notes->capacity : 64;
        if (capacity > SIZE_MAX / sizeof(ub_note)) {
            return UB_NO_MEMORY;
        }
        const ub_note copy = *note; // which may be one of the list that moves
        ub_note *grown = realloc(notes->notes, capacity * sizeof *grown);
        if (!grown) {
            return UB_NO_MEMORY;
        }
        notes->notes = grown;
        notes->capacity = capacity;
        notes->notes[notes->n++] = copy;
        return UB_OK;
    }
    notes->notes[notes->n++] = *note;
    return UB_OK;
}

// -1, 0 or 1 as a comes before b, with it, or after it.
#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int by_time(const void *first, const void *second)
{
    const ub_note *a = first, *b = second;
    const int orders[] = {ORDER(a->onset_s, b->onset_s), ORDER(a->pitch, b->pitch),
                          ORDER(a->source, b->source), ORDER(a->offset_s, b->offset_s),
                          ORDER(a->velocity, b->velocity)};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (orders[i]) {
            return orders[i];
        }
    }
    return 0;
}

void ub_notes_sort(ub_notes *notes)
{
    if (notes->n > 1) {
        qsort(notes->notes, notes->n, sizeof *notes->notes, by_time);
    }
}

void ub_notes_shift(ub_notes *notes, double by_s)
{
    size_t n = 0;
    for (size_t i = 0; i < notes->n; i++) {
        ub_note note = notes->notes[i];
        note.onset_s = fmax(0.0, note.onset_s + by_s);
        note.offset_s += by_s;
        if (note.offset_s >= note.onset_s) {
            notes->notes[n++] = note;
        }
    }
    notes->n = n;
    ub_notes_sort(notes);
}

static bool is_note(const ub_note *note)
{
    return note->onset_s >= 0.0 && note->offset_s >= note->onset_s && isfinite(note->offset_s) &&
           note->pitch >= 0 && note->pitch <= 127 && note->velocity >= 1 && note->velocity <= 127 &&
           note->pitch_hz >= 0.0 && isfinite(note->pitch_hz);
}

ub_status ub_notes_check(const ub_notes *notes, ub_message *why)
{
    for (size_t i = 0; i < notes->n; i++) {
        const ub_note *note = &notes->notes[i];
        if (!is_note(note)) {
            return ub_fail(why, UB_BAD_VALUE,
                           "note %zu (pitch %d, velocity %d, %g to %g s) is out of range; pitches "
                           "are 0 to 127, velocities 1 to 127, and times run forward from 0",
                           i, note->pitch, note->velocity, note->onset_s, note->offset_s);
        }
    }
    return UB_OK;
}

void ub_notes_free(ub_notes *notes)
{
    if (notes) {
        free(notes->notes);
        *notes = (ub_notes){0};
    }
}
