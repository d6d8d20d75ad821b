// SPDX-License-Identifier: GPL-3.0-or-later
/** Activations of keys, frame by frame, as files for researchers. */
#ifndef UNBRAID_CLI_KEY_FILES_H
#define UNBRAID_CLI_KEY_FILES_H

#include <unbraid/transcribe.h>

#include <stdio.h>

enum {
    KEY_FIRST = 21, // of a piano: A0
    KEY_COUNT = 88,
    KEY_PITCHES = 128, // of MIDI
};

/** Streams to write to, NULL where nobody asked; they belong to the caller. */
struct key_files {
    FILE *activations; ///< a NumPy array, KEY_COUNT x frames, 32-bit float
    FILE *chroma; ///< CSV: time, then the twelve pitch classes from C on
    FILE *salience; ///< CSV: time, then the pitches of a piano
    ub_key_frames frames; ///< set by the sink; without the lists, which do not last
    int *pitches; ///< of the keys, owned
};

/** The sink for ub_transcribe(). Errors of the streams are left to their owner. */
ub_key_sink key_files_sink(struct key_files *files);

/** Free what it owns; a zeroed one is fine. */
void key_files_free(struct key_files *files);

#endif
