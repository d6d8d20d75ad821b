// SPDX-License-Identifier: GPL-3.0-or-later
/** What is written of the notes of a recording: where it goes, and the files that are made when all
    notes are known. */
#ifndef UNBRAID_CLI_NOTE_FILES_H
#define UNBRAID_CLI_NOTE_FILES_H

#include <unbraid/midi.h>
#include <unbraid/tempo.h>
#include <unbraid/transcribe.h>

#include <stdio.h>

enum note_file {
    NOTE_MIDI,
    NOTE_CSV,
    NOTE_JSON, ///< these three may go to standard output
    NOTE_ACTIVATIONS,
    NOTE_CHROMA,
    NOTE_SALIENCE,
    N_NOTE_FILES,
};

/** What the files say. Borrowed. */
struct transcript {
    const char *file; ///< the recording
    double duration_s;
    ub_midi midi; ///< notes as they were heard
    ub_tempo tempo;
    unsigned grid; ///< lines per whole note that the MIDI file's notes are moved to; 0: none
    ub_key_frames frames;
};

/** Sources of a MIDI file for those of a dictionary. @param is_drums  Whatever it looks like.
    @return UB_OK or UB_NO_MEMORY. */
ub_status note_sources_name(const ub_dictionary *dictionary, bool is_drums, ub_midi *midi);

/**
   Where a file of a recording goes. In the pattern, {track} stands for the name of the recording; a
   folder, or what ends in '/', gets a file named after it.
   @return the path, NULL without memory; the caller frees it.
*/
char *note_file_path(const char *pattern, enum note_file kind, const char *track);

/** Write one of the first three kinds. Errors of the stream are left to its owner.
    @return UB_OK, or what ub_notes_quantise() and ub_midi_encode() say. */
ub_status note_file_print(FILE *to, enum note_file kind, const struct transcript *transcript,
                          ub_message *why);

#endif
