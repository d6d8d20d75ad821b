// SPDX-License-Identifier: GPL-3.0-or-later
/** Stems of ranges of notes, beside a transcription. */
#ifndef UNBRAID_CLI_NOTE_STEMS_H
#define UNBRAID_CLI_NOTE_STEMS_H

#include "stems.h"
#include "tracks.h"

enum { NOTE_STEMS_MOST = 16 }; ///< pitches to split at

/** Pitches to split at. */
struct note_split {
    int pitches[NOTE_STEMS_MOST];
    size_t n;
};

/** Read "C4", "F#3,Bb5" or MIDI note numbers, ascending. @return false when it is none of these. */
bool note_split_parse(const char *text, struct note_split *split);

/**
   Separate a recording into the sources of a dictionary, below the folder `separated`. The stems
   are the caller's, to commit and to free, whatever is returned.
   @return as ub_separate() and stems_new().
*/
ub_status note_stems_make(const ub_dictionary *ranges, const ub_settings *settings,
                          const struct track *track, struct audio_file *recording,
                          const ub_progress *progress, struct stems **stems, ub_message *why);

#endif
