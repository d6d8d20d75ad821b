// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_MIDI_H
#define UNBRAID_MIDI_H

#include "note.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    UB_MIDI_MAX_TRACKS = 1024, ///< that are read or written
    UB_MIDI_NAME_SIZE = 64, ///< bytes of a name with the zero that ends it
};

/** What plays in a MIDI file: notes of one track on one channel with one program. */
typedef struct ub_midi_source {
    char name[UB_MIDI_NAME_SIZE]; ///< UTF-8 without control characters; "" when it has none
    int program; ///< General MIDI 0 to 127; -1 for none
    bool is_drums; ///< on the channel of drums, where pitches are instruments
    int channel; ///< 0 to 15, 9 that of drums; set by the decoder, the encoder chooses its own
    size_t track; ///< set by the decoder
} ub_midi_source;

/** Notes and who plays them: what a MIDI file holds, as far as it matters here. */
typedef struct ub_midi {
    ub_notes notes; ///< `source` is an index into `sources`
    ub_midi_source *sources;
    size_t n_sources;
    double bpm; ///< quarter notes per minute, to be written 4 to 1000; as read, that of the start
} ub_midi;

/** What the offsets of decoded notes are. */
typedef enum ub_midi_offsets {
    UB_MIDI_OFFSETS_KEYS, ///< when the key is let go
    UB_MIDI_OFFSETS_PEDAL, ///< when key and sustain pedal are, or the key is struck again
} ub_midi_offsets;

/** The program of General MIDI that a source's name suggests ("piano", "Nylon guitar"), -1 when it
    suggests none; `is_drums` tells whether it suggests drums. */
UB_API int ub_midi_program(const char *name, bool *is_drums);

/** The tempo nearest to `bpm` that a MIDI file can hold, where a quarter note lasts a whole number
    of microseconds. */
UB_API UB_RT double ub_midi_tempo(double bpm);

/**
   Write a standard MIDI file of format 1: a track with the tempo, then one per source with its
   name, its program and its notes. The same notes give the same bytes on every machine.

   A tick is at most 1 ms, so that times are kept to half of one, whatever the tempo. Whoever reads
   the file gets every note back once: on a channel a key is let go before it is struck again,
   a note that another of its channel and key overlaps is ended there, notes last a tick or more,
   and of notes that strike a key in the same tick the second strikes one or two later.
   With more than 15 sources that are not drums some share a channel; then a program stands before
   each note that needs another.

   @param midi  Read only. `notes` in any order; n_sources 0 to UB_MIDI_MAX_TRACKS - 1.
   @param bytes  A block that the caller frees with free(). Set on success only.
   @return UB_OK, UB_BAD_SETTING (tempo), UB_BAD_VALUE (a note, a source, or more time than a MIDI
           file holds: at 120 bpm 38 hours), UB_NO_MEMORY.
*/
UB_API UB_MUST_USE ub_status ub_midi_encode(const ub_midi *midi, unsigned char **bytes,
                                            size_t *size, ub_message *why);

/**
   Read the notes of a standard MIDI file from untrusted bytes: formats 0, 1 and 2, whose tracks
   all begin at 0 here; tempo changes; SMPTE time; running status. What is not needed is skipped.

   Within a track, a key that is struck again before it was let go ends its earlier note; one that
   is never let go ends with the track.

   @param midi  Set on success only; notes are sorted, sources in the order of tracks. The caller
                frees it with ub_midi_free().
   @return UB_OK, UB_BAD_FORMAT with what is wrong (cut off, no MIDI file, a damaged event), or
           UB_NO_MEMORY. Memory grows with the size alone.
*/
UB_API UB_MUST_USE ub_status ub_midi_decode(const void *bytes, size_t size, ub_midi_offsets offsets,
                                            ub_midi *midi, ub_message *why);

/** Free what the struct owns and zero it. NULL and a zeroed one are fine. */
UB_API void ub_midi_free(ub_midi *midi);

#ifdef __cplusplus
}
#endif
#endif
